"""Numbers of a MATLAB 5 file (.mat): what NYU's list of splits is written in.

A file is a header of 128 bytes and elements: a type, a length, the content, padded to 8 bytes. A
compressed element is a zlib stream of one element. Matrices of numbers are read; other kinds
(cells, structures, text) are passed over. Newer files (version 7.3) are HDF5 instead.

Source: MathWorks, "MAT-File Format", chapter 1.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import FileFormatError, read_bytes

HEADER_BYTES = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
NUMBERS |= {12: "i8", 13: "u8"}
NUMERIC_CLASSES = range(6, 16)  # double, single, int8 ... uint64


def read_mat5(path: Path) -> dict[str, NDArray[Any]]:
    """Every matrix of numbers by name, in MATLAB's shape (at least two axes).

    Raises:
        FileFormatError: absent, cut short, or of another kind.
    """
    expected = "a MATLAB 5 file (.mat, not version 7.3)"
    content = read_bytes(path, expected)
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise FileFormatError(f"{path}: starts with {content[:12]!r}, expected {expected}")
    found: dict[str, NDArray[Any]] = {}
    try:
        for kind, body in _elements(content[HEADER_BYTES:], order):
            if kind == COMPRESSED:
                (kind, body), *_ = _elements(zlib.decompress(body), order)
            if kind == MATRIX:
                found |= _matrix(body, order)
    except (zlib.error, struct.error, ValueError, KeyError) as error:
        raise FileFormatError(f"{path}: {error!r}, expected {expected}: cut short?") from error
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from(f"{order}II", content, at)
        at += 8
        if kind >> 16:  # a small element: length and type share one word, the content follows
            kind, length, at = kind & 0xFFFF, kind >> 16, at - 4
            end = at + 4
        else:
            # Compressed elements alone are not padded.
            end = at + length + (0 if kind == COMPRESSED else -length % 8)
        if at + length > len(content):
            raise ValueError(f"an element of {length} bytes where {len(content) - at} are left")
        yield kind, content[at : at + length]
        at = end


def _matrix(body: bytes, order: str) -> dict[str, NDArray[Any]]:
    parts = list(_elements(body, order))
    if len(parts) < 4:
        return {}
    (_, flags), (_, dims), (_, name), (kind, values) = parts[:4]
    if struct.unpack_from(f"{order}I", flags)[0] & 0xFF not in NUMERIC_CLASSES:
        return {}
    shape = np.frombuffer(dims, f"{order}i4")
    numbers = np.frombuffer(values, f"{order}{NUMBERS[kind]}")
    return {name.decode("ascii"): numbers.reshape(shape, order="F")}
