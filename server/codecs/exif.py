"""The orientation in an EXIF block, and nothing else of it.

Our own reader: a stranger's block of any content gives an answer, never an exception or a warning.
Source: EXIF 2.3 (CIPA DC-008), sections 4.5 and 4.6; TIFF 6.0, section 2.
"""

import struct

ORIENTATION = 0x0112
UPRIGHT = 1
_SHORT = 3  # the type that the standard prescribes for the tag


def exif_orientation(block: bytes) -> int:
    """1 to 8; 1 (upright) where the block says nothing that can be read."""
    tiff = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    if at + 2 > len(tiff):
        return UPRIGHT
    (num_entries,) = struct.unpack_from(order + "H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * num_entries, len(tiff) - 11), 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == ORIENTATION:
            return value if kind == _SHORT and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
