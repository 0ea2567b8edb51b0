"""uvicorn's WebSockets, whose answers count among those that clients have not taken yet."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.http.connections import Connections


class BoundedSocket(WebSocketsSansIOProtocol):
    """One connection after its handshake.

    It takes no place among the connections that owe a request: the number of streams bounds it. A
    single answer that is not taken has a deadline of its own, in `server.http.conversation`.
    """

    def __init__(
        self, *args: Any, room: Connections, on_dropped: Callable[[str], None], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._room = room
        self._on_dropped = on_dropped

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._room.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio: a message is written as a whole, so the buffer holds all that is left."""
        super().pause_writing()
        self._room.is_behind(self, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._room.caught_up(self)

    def drop(self, reason: str) -> None:
        """See server.http.connections.Connection."""
        self._on_dropped(reason)
        self.transport.abort()
