"""Maps as plain arrays, with the words that say what they hold."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.codecs.dense_map import DenseMap

FLOAT16_MAX = 65504.0


class Dtype(StrEnum):
    """Of depth and flow. Labels are uint8; confidence and uncertainty float16, as computed."""

    FLOAT16 = "float16"
    """Half the bytes. 11 bits: 5 m to 2 mm, 100 px to 0.03 px."""
    FLOAT32 = "float32"
    """As computed."""


@dataclass(frozen=True, kw_only=True)
class RawArray:
    """Numbers, and what they mean."""

    values: NDArray[Any]
    meta: dict[str, object]
    """Fit for JSON."""


def raw_array(dense: DenseMap, dtype: Dtype) -> RawArray:
    """The map as an array; float32 where a value does not fit into float16."""
    found, values = dense.range, dense.values
    largest = max(abs(found.least or 0.0), abs(found.greatest or 0.0))
    if dtype is Dtype.FLOAT16 and values.dtype == np.float32 and largest <= FLOAT16_MAX:
        values = values.astype(np.float16)
    meta = {
        **dense.words,
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "scale": 1,
        "offset": 0,
        **found.words,
    }
    return RawArray(values=values, meta=meta)
