"""uvicorn's WebSockets, whose answers have to be taken as those over HTTP have."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.http.connections import Connections
from server.http.unsent import Unsent


class BoundedSocket(WebSocketsSansIOProtocol):
    """One connection after its handshake.

    It takes no place among the connections that owe a request: the number of streams bounds it. A
    message is written as a whole, so asyncio holds all that is left of it.
    """

    def __init__(
        self,
        *args: Any,
        room: Connections,
        send_s: float,
        on_dropped: Callable[[str], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._room = room
        self._on_dropped = on_dropped
        self._unsent = Unsent(
            self,
            room=room,
            limit_s=send_s,
            num_buffered=lambda: self.transport.get_write_buffer_size(),
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._unsent.forget()
        self._room.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._unsent.paused()

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._unsent.resumed()

    async def run_asgi(self) -> None:
        """See uvicorn: it closes at the end, and a close waits for the last byte to be taken."""
        await super().run_asgi()
        self._unsent.hurry()

    def drop(self, reason: str) -> None:
        """See server.http.connections.Connection."""
        self._on_dropped(reason)
        self.transport.abort()
