"""Colour profiles whose effect is known beforehand. Source of the format: ICC.1:2001-04."""

import struct
from collections.abc import Mapping

# Primaries of sRGB, adapted to D50, as IEC 61966-2-1 profiles have them.
RED = (0.4360, 0.2225, 0.0139)
GREEN = (0.3851, 0.7169, 0.0971)
BLUE = (0.1431, 0.0606, 0.7139)
_D50 = (0.9642, 1.0, 0.8249)


def linear_rgb(red: tuple[float, ...] = RED, green: tuple[float, ...] = GREEN) -> bytes:
    """Values are proportional to light."""
    primaries = {b"rXYZ": _xyz(red), b"gXYZ": _xyz(green), b"bXYZ": _xyz(BLUE)}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _LINEAR)
    return _profile(b"RGB ", b"XYZ ", primaries | curves | {b"wtpt": _xyz(_D50)})


def linear_grey() -> bytes:
    """Values are proportional to light."""
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _LINEAR, b"wtpt": _xyz(_D50)})


def ink_that_is_always_mid_grey() -> bytes:
    """Whatever the four inks are, L* is 50: 119 of 255 in sRGB."""
    identity = bytes(range(256))
    head = struct.pack(
        ">4sIBBBB9I", b"mft1", 0, 4, 3, 2, 0, *(65536 * (i % 4 == 0) for i in range(9))
    )
    grid = bytes((128, 128, 128)) * 2**4  # L* of 128 / 2.55 = 50.2, a* and b* of 0
    return _profile(b"CMYK", b"Lab ", {b"A2B0": head + identity * 4 + grid + identity * 3}, b"prtr")


_LINEAR = struct.pack(">4sII", b"curv", 0, 0)  # a curve of no points is the identity


def _xyz(values: tuple[float, ...]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in values))


def _profile(
    space: bytes, between: bytes, tags: Mapping[bytes, bytes], kind: bytes = b"mntr"
) -> bytes:
    table, content = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, start + len(content), len(tag))
        content += tag + bytes(-len(tag) % 4)
    size = start + len(content)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, kind, space, between)
    header += struct.pack(">6H", 2001, 1, 1, 0, 0, 0) + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3i", *(round(v * 65536) for v in _D50))
    return header.ljust(128, b"\0") + table + content
