"""Deflate and CRC-32 by ISA-L, at gigabytes per second; where it is not built, by zlib.

Both let other threads run meanwhile.
"""

import zlib
from collections.abc import Callable
from typing import NamedTuple

Buffer = bytes | memoryview


class Deflater(NamedTuple):
    """Two functions of one library."""

    deflate: Callable[[Buffer], bytes]
    """A zlib stream, as fast as it goes."""
    crc32: Callable[[Buffer, int], int]
    """Goes on from the second argument; 0 to begin."""


def find_deflater() -> Deflater:
    """ISA-L's, else zlib's."""
    try:
        from isal import isal_zlib
    except ImportError:  # not built for this platform
        return Deflater(lambda data: zlib.compress(data, 1), zlib.crc32)
    # Level 0 is no faster and a quarter larger on depth; 2 and 3 are slower and hardly smaller.
    return Deflater(lambda data: isal_zlib.compress(data, 1), isal_zlib.crc32)


deflate, crc32 = find_deflater()
