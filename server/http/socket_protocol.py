"""uvicorn's WebSockets, within bounds: of frames that are hardly more than their heads, and of
answers that clients have not taken yet.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from server.http.connections import Connections

FREE_FRAMES = 1024
MIN_FRAME_BYTES = 256  # on average, beyond these: an image has far more, and a ping comes seldom
PIECE_BYTES = 16 * 2**10  # looked at before more is read: two thousand frames at most
POLICY = 1008  # RFC 6455, section 7.4.1


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
        self._num_bytes = self._num_frames = 0

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

    def handle_ping(self) -> None:
        """See uvicorn, as the others."""
        self._num_frames += 1
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        self._num_frames += 1
        super().handle_pong(event)

    def handle_text(self, event: Frame) -> None:
        self._num_frames += 1
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        self._num_frames += 1
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        self._num_frames += 1
        super().handle_cont(event)

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

    def _refuse(self) -> None:
        self._on_dropped("crumbs")
        self.conn.fail(POLICY, f"frames of fewer than {MIN_FRAME_BYTES} bytes on average")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
