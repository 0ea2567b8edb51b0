"""The answer to what nobody foresaw: an id, and nothing of what broke.

It stands inside of CORS, so that pages of other origins can read this answer too.
"""

import logging

from starlette._utils import get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import ServerError
from server.http.error_answers import error_answer

log = logging.getLogger("anyres.request")


class LastResort:
    """Middleware. Outside of it no exception of the application is seen."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, begin)
        except Exception:
            log.exception("unexpected error")
            if has_begun:
                return  # half an answer: uvicorn cuts the connection
            failure = ServerError("something broke here, not in your request; the log has it")
            request_id, path = scope["state"]["request_id"], get_route_path(scope)
            await error_answer(failure, request_id, path=path)(scope, receive, send)
