"""gzip and deflate undone, a bounded piece at a time: a bomb is seen after its first byte too many.

"deflate" is zlib's format (RFC 9110, section 8.4.1.2).
"""

import zlib
from collections.abc import Iterator, Mapping

from server.errors import MalformedBody

WINDOW_BITS: Mapping[str, int] = {"gzip": 31, "deflate": 15}
"""By the name in Content-Encoding: 15 bits of window, and 16 for gzip's own header and checksum."""
PIECE_BYTES = 64 * 2**10


class Inflater:
    """One stream, fed as it arrives."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._stream = zlib.decompressobj(WINDOW_BITS[encoding])

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What comes out, at most PIECE_BYTES at once.

        Raises:
            MalformedBody: it is not of this format, or goes on after its end.
        """
        try:
            while piece:
                if self._stream.eof:
                    raise MalformedBody(
                        f"bytes follow the {self._encoding} stream: send one stream alone"
                    )
                out = self._stream.decompress(piece, PIECE_BYTES)
                piece = self._stream.unconsumed_tail or self._stream.unused_data
                if out:
                    yield out
        except zlib.error as error:
            raise MalformedBody(
                f"the body is no {self._encoding} stream ({error}): compress it in that format, or "
                f"drop Content-Encoding, images are compressed already"
            ) from error

    def close(self) -> None:
        """The body has ended.

        Raises:
            MalformedBody: before the stream did.
        """
        if not self._stream.eof:
            raise MalformedBody(f"the {self._encoding} stream ends too early: send the whole body")
