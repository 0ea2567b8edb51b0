"""A PNG writer for maps: one filter, one deflate call, several times faster than general ones.

Rows are stored as differences from the row above (filter 2, "Up") and deflated by ISA-L at its
fastest useful level. Choosing a filter for each map does not pay: on depth, flow, labels and
pictures the best of the five saves 6 % at most, and each takes as long as all of "Up". Any PNG
reader reads the result.

Source of the format: W3C Portable Network Graphics, third edition. Axes: h w pixels.
"""

import json
import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from server.codecs.deflate import crc32, deflate
from server.codecs.image_header import PNG_MAGIC
from server.codecs.pieces import Pieces, bytes_of

_GREY, _RGB, _PALETTE = 0, 2, 3  # colour types
_UP = 2
_MAX_CHUNK_BYTES = 2**30  # the format's own limit is 2^31 - 1; more goes into a second IDAT


def write_png(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    palette: NDArray[np.uint8] | None = None,
    meta: Mapping[str, object] | None = None,
) -> bytes:
    """A PNG file.

    Args:
        pixels: (h, w) grey or (h, w, 3) RGB, 8 or 16 bits per channel.
        palette: (256, 3) RGB: the pixels are uint8 indices into it.
        meta: written as JSON into a tEXt chunk named "anyres".
    """
    return b"".join(png_pieces(pixels, palette=palette, meta=meta))


def png_pieces(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    palette: NDArray[np.uint8] | None = None,
    meta: Mapping[str, object] | None = None,
) -> Pieces:
    """`write_png`, not yet joined."""
    colour = _PALETTE if palette is not None else _RGB if pixels.ndim == 3 else _GREY
    height, width = pixels.shape[:2]
    bits = 8 * pixels.dtype.itemsize
    pieces: list[bytes | memoryview] = [
        PNG_MAGIC,
        *_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)),
    ]
    if palette is not None:
        pieces += _chunk(b"PLTE", palette.tobytes())
    if meta is not None:
        # JSON in ASCII is valid Latin-1, which tEXt asks for.
        text = json.dumps(meta, separators=(",", ":"), allow_nan=False).encode("ascii")
        pieces += _chunk(b"tEXt", b"anyres\0" + text)
    stream = memoryview(deflate(bytes_of(_up_filtered(pixels))))
    for start in range(0, len(stream), _MAX_CHUNK_BYTES):
        pieces += _chunk(b"IDAT", stream[start : start + _MAX_CHUNK_BYTES])
    return (*pieces, *_chunk(b"IEND", b""))


def _up_filtered(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    height = pixels.shape[0]
    big_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    rows = big_endian.view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]  # the row above the first counts as zero
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the format wants
    return filtered


def _chunk(kind: bytes, data: bytes | memoryview) -> tuple[bytes, bytes | memoryview, bytes]:
    crc = crc32(data, crc32(kind, 0))
    return struct.pack(">I", len(data)) + kind, data, struct.pack(">I", crc)
