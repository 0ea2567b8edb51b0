"""Features of images of different sizes: cut out of a batch, and put together into one.

The axes of a level are b, channels, rows, cols. Its name is its stride, and there are as many rows
and cols as the image has cells once its sides are rounded up to the bundle's stride. The flow graph
is blind to cells beyond an image, so they may hold anything.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.image.sizes import ceil_to
from models.runtime.protocol import Features


def cells_of(name: str, size: tuple[int, int], *, stride: int) -> tuple[int, int]:
    """Rows and cols that level `name` has for an image of `size` (height, width).

    >>> cells_of("4", (33, 16), stride=16)
    (12, 4)
    """
    rows, cols = (ceil_to(side, stride) // int(name) for side in size)
    return rows, cols


def fits(features: Features, size: tuple[int, int], *, stride: int) -> bool:
    """Whether they are those of one image of this size, as `cut` leaves them."""
    return bool(features.levels) and all(
        level.shape[0] == 1 and tuple(level.shape[2:]) == cells_of(name, size, stride=stride)
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
        shape = (len(parts), level.shape[1], *cells_of(name, size, stride=stride))
        levels[name] = np.zeros(shape, dtype=level.dtype)
        for row, part in zip(levels[name], parts, strict=True):
            rows = min(row.shape[1], part.levels[name].shape[2])
            cols = min(row.shape[2], part.levels[name].shape[3])
            row[:, :rows, :cols] = part.levels[name][0, :, :rows, :cols]
    return Features(levels=levels)


def _own(level: Any, name: str, size: tuple[int, int], stride: int) -> Any:
    rows, cols = cells_of(name, size, stride=stride)
    return level[:1, :, :rows, :cols].copy()
