"""A PNG writer for maps: one filter, one deflate call, several times faster than general ones.

Rows are stored as differences from the row above (filter 2, "Up"), which suits maps, and deflated
by ISA-L at its fastest level; without ISA-L by zlib at its own. Any PNG reader reads the result.

Source of the format: W3C Portable Network Graphics, third edition. Axes: h w pixels.
"""

import json
import struct
import zlib
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from server.codecs.image_header import PNG_MAGIC

_GREY, _RGB, _PALETTE = 0, 2, 3  # colour types
_UP = 2


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
    colour = _PALETTE if palette is not None else _RGB if pixels.ndim == 3 else _GREY
    height, width = pixels.shape[:2]
    bits = 8 * pixels.dtype.itemsize
    chunks = [
        PNG_MAGIC,
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)),
    ]
    if palette is not None:
        chunks.append(_chunk(b"PLTE", palette.tobytes()))
    if meta is not None:
        # JSON in ASCII is valid Latin-1, which tEXt asks for.
        text = json.dumps(meta, separators=(",", ":"), allow_nan=False).encode("ascii")
        chunks.append(_chunk(b"tEXt", b"anyres\0" + text))
    chunks += [_chunk(b"IDAT", _deflate(_up_filtered(pixels))), _chunk(b"IEND", b"")]
    return b"".join(chunks)


def _up_filtered(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    height = pixels.shape[0]
    big_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    rows = big_endian.view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]  # the row above the first counts as zero
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the format wants
    return filtered


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc)))


def _find_deflate() -> Callable[[NDArray[np.uint8]], bytes]:
    try:
        from isal import isal_zlib
    except ImportError:  # not built for this platform

        def with_zlib(data: NDArray[np.uint8]) -> bytes:
            return zlib.compress(data.data, 1)

        return with_zlib

    def with_isal(data: NDArray[np.uint8]) -> bytes:
        compressed: bytes = isal_zlib.compress(data.data, 1)
        return compressed

    return with_isal


_deflate = _find_deflate()
