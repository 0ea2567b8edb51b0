"""Pixels that are kept because sorting needs them all: every one, or of large sets a regular pick.

Whatever the number of images, the memory is bounded and every image is picked from alike.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 4_000_000
"""16 MB for each column; sorted in a second."""


@dataclass(kw_only=True)
class PickedPixels:
    """Columns of values, one row for each picked pixel."""

    num_columns: int
    most: int = MOST_PIXELS
    every: int = field(default=1, init=False)
    """Every n-th known pixel is kept: doubled whenever there are too many."""
    parts: list[NDArray[np.float32]] = field(default_factory=list, init=False)
    """(num_columns, n) of each image."""

    def add(self, *columns: NDArray[np.float32]) -> None:
        """Keep some of the pixels (n,) of an image, of every column the same ones."""
        self.parts.append(np.stack([column[:: self.every] for column in columns]))
        while sum(part.shape[1] for part in self.parts) > self.most:
            self.every *= 2
            # Copies: a view would keep all of its array.
            self.parts = [part[:, ::2].copy() for part in self.parts]

    def columns(self) -> NDArray[np.float32]:
        """(num_columns, n) of all images."""
        if not self.parts:
            return np.zeros((self.num_columns, 0), np.float32)
        return np.concatenate(self.parts, axis=1)
