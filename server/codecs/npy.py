"""Arrays as .npy files (NumPy's format 1.0), alone or several in an .npz, without a copy."""

import io
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from server.codecs.pieces import Pieces, bytes_of


def npy_pieces(array: NDArray[Any]) -> Pieces:
    """The file that `np.save` would write."""
    header = io.BytesIO()
    npy_format.write_array_header_1_0(
        header,
        {
            "descr": npy_format.dtype_to_descr(array.dtype),
            "fortran_order": False,
            "shape": array.shape,
        },
    )
    return header.getvalue(), bytes_of(array)


def npy_text(text: str) -> Pieces:
    """A text as an array without axes: `str(np.load(file))` is the text."""
    return npy_pieces(np.array(text))
