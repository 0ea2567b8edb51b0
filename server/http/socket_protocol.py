"""uvicorn's WebSockets, bounded as HTTP is: answers that are not taken, messages in tiny pieces."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from server.http.connections import Connections
from server.http.parser import FREE_CHUNKS, MIN_CHUNK_BYTES
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
        self._num_pieces = self._num_bytes = 0
        """Of the message that arrives."""
        self._late_pong: list[bytes] = []

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
        self.transport.write(b"".join(self._late_pong))
        self._late_pong = []

    def handle_ping(self) -> None:
        """See uvicorn. Behind an answer that is not taken only the last one waits for its pong."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self._late_pong = self.conn.data_to_send()[-1:]

    def handle_cont(self, event: Frame) -> None:
        """See uvicorn. A piece of a message costs as much as a whole one, however short it is."""
        self._num_pieces += 1
        self._num_bytes += len(event.data)
        if self._num_pieces > FREE_CHUNKS + self._num_bytes // MIN_CHUNK_BYTES:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "a message in too many pieces")
            self.handle_parser_exception()
            return
        if event.fin:
            self._num_pieces = self._num_bytes = 0
        super().handle_cont(event)

    async def run_asgi(self) -> None:
        """See uvicorn: it closes at the end, and a close waits for the last byte to be taken."""
        await super().run_asgi()
        self._unsent.hurry()

    def drop(self, reason: str) -> None:
        """See server.http.connections.Connection."""
        self._on_dropped(reason)
        self.transport.abort()
