"""Label files: the values that a data set stores, as class indices."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.file_formats import FileFormatError, read_indices
from training.data.readers.reader import fitting

REFUSED = -1


def label_table(classes: Mapping[int, int], ignored: tuple[int, ...] = ()) -> NDArray[np.int16]:
    """(256,) class by stored value, IGNORE_INDEX for `ignored`, REFUSED for all others."""
    table = np.full(256, REFUSED, dtype=np.int16)
    table[list(ignored)] = IGNORE_INDEX
    for stored, index in classes.items():
        table[stored] = index
    return table


def read_labels(
    path: Path, table: NDArray[np.int16], image: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """(h, w) class indices of an 8-bit file, of the size of its image.

    Args:
        path: grey, or with a palette, which is ignored.
        table: from `label_table`.
        image: (h, w, 3).

    Raises:
        FileFormatError: another size, or a value that stands for nothing.
    """
    stored = fitting(read_indices(path), path, image)
    labels = table[stored]
    if (labels == REFUSED).any():
        known = np.flatnonzero(table != REFUSED)
        raise FileFormatError(
            f"{path}: holds the value {stored[labels == REFUSED].min()}, expected {_ranges(known)}"
            f" alone: these labels follow another convention, or were resized with interpolation"
        )
    return labels.astype(np.uint8)


def _ranges(values: NDArray[np.intp]) -> str:
    """0-10, 255."""
    runs = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
