"""PNG files of every kind, plainly written: Pillow's writer does not make them all."""

import struct
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from server.codecs.image_header import PNG_MAGIC

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}

# Adam7: (top, left, step down, step right) of each pass.
_PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def png_file(
    samples: NDArray[np.uint16],
    *,
    colour_type: int,
    bits: int,
    interlaced: bool = False,
    before_pixels: Iterable[tuple[bytes, bytes]] = (),
    after_pixels: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Samples (h, w, c), each below 2 ** bits, as a file; other chunks as (kind, content)."""
    height, width, _ = samples.shape
    rows = b""
    for top, left, down, right in _PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[top::down, left::right]
        if part.size:
            rows += b"".join(b"\0" + _packed(row, bits) for row in part)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    return PNG_MAGIC + b"".join(
        chunk(kind, content)
        for kind, content in (
            (b"IHDR", header),
            *before_pixels,
            (b"IDAT", zlib.compress(rows, 1)),
            *after_pixels,
            (b"IEND", b""),
        )
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content, checksum."""
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def _packed(row: NDArray[np.uint16], bits: int) -> bytes:
    if bits == 16:
        return row.astype(">u2").tobytes()
    each = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - bits :]
    return np.packbits(each.ravel()).tobytes()
