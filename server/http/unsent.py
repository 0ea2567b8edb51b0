"""What is left of an answer: also what the application holds back until its client reads on."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Unsent:
    """Of the answer that one connection sends."""

    def __init__(self) -> None:
        self.num_bytes = 0
        """That were announced and not yet given to the socket."""

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same application, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    length = Headers(raw=message.get("headers", [])).get("content-length", "0")
                    self.num_bytes = int(length)
                await send(message)
                if message["type"] == "http.response.body":
                    self.num_bytes = max(0, self.num_bytes - len(message.get("body", b"")))

            try:
                await app(scope, receive, send_counted)
            finally:
                self.num_bytes = 0

        return counted
