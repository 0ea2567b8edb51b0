"""Files as pieces: a large array is sent from where it lies, not copied into one body first.

At full HD the six maps are 40 MB; joining them costs more than writing the files around them.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pieces = tuple[bytes | memoryview, ...]
"""What a file or a body consists of, in order. Every view is of bytes, so `len` counts them."""


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of an array in C order; copied only if they do not lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def num_bytes(pieces: Iterable[bytes | memoryview]) -> int:
    """Of all together."""
    return sum(len(piece) for piece in pieces)
