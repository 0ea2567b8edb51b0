"""h11, which also refuses bodies that are nearly all framing.

Each chunk costs some thirty microseconds of the event loop, however short it is: a client that
sends one byte in each would keep the loop busy with a few hundred kilobytes per second.
"""

from typing import Any

import h11

FREE_CHUNKS = 2048  # of one body: seventy milliseconds of work
MIN_CHUNK_BYTES = 256  # on average, beyond these; clients send 4 KiB and more


class TooManyChunks(h11.RemoteProtocolError):
    """It is HTTP, but not for us."""


class BoundedParser(h11.Connection):
    """The server's side of one connection."""

    def __init__(self, *, max_head_bytes: int) -> None:
        super().__init__(h11.SERVER, max_head_bytes)
        self._num_chunks = self._num_bytes = 0

    def next_event(self) -> Any:
        """See h11."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._num_chunks = self._num_bytes = 0
        elif isinstance(event, h11.Data):
            self._num_chunks += event.chunk_start
            self._num_bytes += len(event.data)
            if self._num_chunks > FREE_CHUNKS + self._num_bytes // MIN_CHUNK_BYTES:
                raise TooManyChunks(
                    f"{self._num_bytes} bytes came in {self._num_chunks} chunks, expected "
                    f"{MIN_CHUNK_BYTES} bytes in each on average: send Content-Length, or write "
                    f"larger pieces"
                )
        return event
