"""An answer that is sent piece by piece: its maps are never joined into one body."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.answers.encode import Payload
from server.codecs.pieces import num_bytes

GATHER_BYTES = 64 * 2**10  # smaller neighbours go together: each send costs a system call


class PiecesResponse(Response):
    """200 with a payload, its length announced."""

    def __init__(self, payload: Payload, *, headers: Mapping[str, str]) -> None:
        self._pieces = payload.pieces
        super().__init__(
            headers={
                **headers,
                **payload.headers,
                "Content-Type": payload.content_type,
                "Content-Length": str(num_bytes(payload.pieces)),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        del scope, receive  # the request has been read
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        gathered: list[bytes | memoryview] = []
        for piece in self._pieces:
            gathered.append(piece)
            if num_bytes(gathered) >= GATHER_BYTES:
                for body in _joined(gathered):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                gathered.clear()
        await send({"type": "http.response.body", "body": b"".join(gathered)})


def _joined(pieces: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """The small ones before a large one together, the large one as it lies."""
    *small, last = pieces
    return [b"".join(small), last] if small else [last]
