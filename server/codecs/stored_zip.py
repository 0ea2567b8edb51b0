"""Zip archives of files that are stored as they are: PNGs are deflated already, arrays are meant
to be read at once. Python's own `zipfile` copies each file twice on the way.

Source of the format: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.4.
"""

import struct
from collections.abc import Mapping

from server.codecs.deflate import crc32
from server.codecs.pieces import Pieces, num_bytes
from server.errors import Unusable

_VERSION = 20  # 2.0: what reading takes
_UTF_8 = 1 << 11
# 1980-01-01 00:00, the format's first day: the same files give the same archive.
_DATE, _TIME = 1 << 5 | 1, 0
_MAX_BYTES = 2**32 - 1


def stored_zip(files: Mapping[str, Pieces]) -> Pieces:
    """An archive of files by name.

    Raises:
        Unusable: it would be 4 GiB or larger, which needs a format that not every reader knows.
    """
    pieces: list[bytes | memoryview] = []
    directory: list[bytes] = []
    at = 0
    for name, content in files.items():
        raw_name = name.encode("utf-8")
        size = num_bytes(content)
        crc = 0
        for piece in content:
            crc = crc32(piece, crc)
        common = struct.pack(
            "<HHHHIIIHH", _UTF_8, 0, _TIME, _DATE, crc, size & _MAX_BYTES, size & _MAX_BYTES,
            len(raw_name), 0,
        )  # fmt: skip
        head = b"PK\x03\x04" + struct.pack("<H", _VERSION) + common + raw_name
        directory.append(
            b"PK\x01\x02" + struct.pack("<HH", _VERSION, _VERSION) + common
            + struct.pack("<HHHII", 0, 0, 0, 0, at & _MAX_BYTES) + raw_name
        )  # fmt: skip
        pieces += [head, *content]
        at += len(head) + size
    if at > _MAX_BYTES:
        raise Unusable(
            f"the archive would be {at / 1e9:.1f} GB, a zip holds at most 4.2: ask for fewer "
            f"tasks, or for multipart/mixed"
        )
    listing = b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(listing), at, 0)
    return (*pieces, listing, b"PK\x05\x06" + end)
