"""Deflate and CRC-32 by ISA-L, at gigabytes per second; where it is not built, by zlib.

Both let other threads run meanwhile.
"""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

Buffer = bytes | memoryview


class Deflater(NamedTuple):
    """Three functions of one library."""

    deflate: Callable[[Buffer], bytes]
    """A zlib stream, as fast as it goes."""
    crc32: Callable[[Buffer, int], int]
    """Goes on from the second argument; 0 to begin."""
    compressor: Callable[[int], Any]
    """For a stream in pieces; by window bits, as zlib counts them. Has `compress` and `flush`."""


def find_deflater() -> Deflater:
    """ISA-L's, else zlib's."""
    try:
        from isal import isal_zlib
    except ImportError:  # not built for this platform
        return Deflater(
            lambda data: zlib.compress(data, 1),
            zlib.crc32,
            lambda window_bits: zlib.compressobj(1, zlib.DEFLATED, window_bits),
        )
    # Level 0 is no faster and a quarter larger on depth; 2 and 3 are slower and hardly smaller.
    return Deflater(
        lambda data: isal_zlib.compress(data, 1),
        isal_zlib.crc32,
        lambda window_bits: isal_zlib.compressobj(1, isal_zlib.DEFLATED, window_bits),
    )


deflate, crc32, compressor = find_deflater()
