"""Features of images of different sizes: cut out of a batch, and put together into one.

The axes of a level are b, rows, cols, channels. Its name begins with its stride ("4", "8_census"),
and there are as many rows and cols as the image has cells once its sides are rounded up to the
bundle's stride. The cells beyond an image are zero.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.image.sizes import ceil_to
from models.runtime.protocol import Features


def stride_of(name: str) -> int:
    """Input pixels per cell of the level of that name.

    >>> stride_of("16"), stride_of("8_census")
    (16, 8)
    """
    return int(name.partition("_")[0])


def padded_size_of(features: Features) -> tuple[int, int]:
    """(height, width) in pixels of the array that they were computed from, rounded up."""
    name, level = next(iter(features.levels.items()))
    return level.shape[1] * stride_of(name), level.shape[2] * stride_of(name)


def cells_of(name: str, size: tuple[int, int], *, stride: int) -> tuple[int, int]:
    """Rows and cols that level `name` has for an image of `size` (height, width).

    >>> cells_of("4", (33, 16), stride=16)
    (12, 4)
    """
    rows, cols = (ceil_to(side, stride) // stride_of(name) for side in size)
    return rows, cols


def fits(features: Features, size: tuple[int, int], *, stride: int) -> bool:
    """Whether they are those of one image of this size, as `cut` leaves them."""
    return bool(features.levels) and all(
        level.shape[0] == 1 and tuple(level.shape[1:3]) == cells_of(name, size, stride=stride)
        for name, level in features.levels.items()
    )


def cut(features: Features, size: tuple[int, int], *, stride: int) -> Features:
    """One image's own cells, in memory of their own: they may outlive the batch."""
    return Features(levels={k: _own(x, k, size, stride) for k, x in features.levels.items()})


def join(parts: Sequence[Features], size: tuple[int, int], *, stride: int) -> Features:
    """One batch out of batches of one, with room for images of `size`, zero in between."""
    first = parts[0].levels
    if len(parts) == 1 and fits(parts[0], size, stride=stride):
        return parts[0]
    levels = {}
    for name, level in first.items():
        shape = (len(parts), *cells_of(name, size, stride=stride), level.shape[3])
        levels[name] = np.zeros(shape, dtype=level.dtype)
        for row, part in zip(levels[name], parts, strict=True):
            rows = min(row.shape[0], part.levels[name].shape[1])
            cols = min(row.shape[1], part.levels[name].shape[2])
            row[:rows, :cols] = part.levels[name][0, :rows, :cols]
    return Features(levels=levels)


def _own(level: Any, name: str, size: tuple[int, int], stride: int) -> Any:
    rows, cols = cells_of(name, size, stride=stride)
    inside = level[:1, :rows, :cols]
    # Engines hand out arrays of their own: where that is all of one, nobody else holds it.
    return level if inside.shape == level.shape and level.base is None else inside.copy()
