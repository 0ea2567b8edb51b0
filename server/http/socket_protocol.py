"""uvicorn's WebSockets, bounded as HTTP is: answers that are not taken, tiny frames."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from server.http.connections import Connections
from server.http.unsent import Unsent

FREE_FRAMES = 1024
MIN_FRAME_BYTES = 256  # on average, beyond these: an image has far more, and a ping comes seldom
PIECE_BYTES = 16 * 2**10  # looked at before more is read: two thousand frames at most


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
        self._num_frames = self._num_bytes = 0
        self._late_pong: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """See asyncio. Each frame costs the loop as much as kilobytes of an image do."""
        for at in range(0, len(data), PIECE_BYTES):
            piece = data[at : at + PIECE_BYTES]
            self._num_bytes += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._num_frames > FREE_FRAMES + self._num_bytes // MIN_FRAME_BYTES:
                self._refuse()
                return

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
        self._num_frames += 1
        if self.writable.is_set():
            super().handle_ping()
        else:
            self._late_pong = self.conn.data_to_send()[-1:]

    def handle_pong(self, event: Frame) -> None:
        """See uvicorn, as the next three."""
        self._num_frames += 1
        super().handle_pong(event)

    def handle_text(self, event: Frame) -> None:
        """One more."""
        self._num_frames += 1
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """One more."""
        self._num_frames += 1
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """One more."""
        self._num_frames += 1
        super().handle_cont(event)

    async def run_asgi(self) -> None:
        """See uvicorn: it closes at the end, and a close waits for the last byte to be taken."""
        await super().run_asgi()
        self._unsent.hurry()

    def drop(self, reason: str) -> None:
        """See server.http.connections.Connection."""
        self._on_dropped(reason)
        self.transport.abort()

    def _refuse(self) -> None:
        self._on_dropped("crumbs")
        reason = f"frames of fewer than {MIN_FRAME_BYTES} bytes on average"
        self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
