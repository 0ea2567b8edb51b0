"""One training or test example, as every reader, renderer and metric speaks of it.

Axes: h w pixels, n windows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A whole image, or a pair, with whatever truth is known about it. All arrays share (h, w)."""

    name: str
    image: NDArray[np.uint8]
    """(h, w, 3) RGB."""
    next_image: NDArray[np.uint8] | None = None
    """(h, w, 3) RGB, the following frame of the same camera."""
    labels: NDArray[np.uint8] | None = None
    """(h, w) class indices, models.task.IGNORE_INDEX = not counted."""
    inverse_depth: NDArray[np.float32] | None = None
    """(h, w) in 1/m along the optical axis; 0 is infinitely far (sky), NaN is unknown."""
    flow: NDArray[np.float32] | None = None
    """(h, w, 2) in px, u right and v down, image to next_image; NaN where unknown."""
    occluded: NDArray[np.bool_] | None = None
    """(h, w) visible in image, hidden or outside in next_image. Flow is still known there."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """n equal windows of one canvas: what the network trains on. n = 1 is a crop or a whole image.

    Window i of `next_image` starts at `next_origins[i]`; everything else at `origins[i]`.
    """

    name: str
    canvas: tuple[int, int]
    """(height, width) in pixels of what the windows were cut from."""
    origins: NDArray[np.int64]
    """(n, 2) top-left corner (y, x) in pixels, multiples of the model's stride."""
    image: NDArray[np.uint8]
    """(n, h, w, 3) RGB."""
    next_origins: NDArray[np.int64] | None = None
    """(n, 2), where the windows of `next_image` start."""
    next_image: NDArray[np.uint8] | None = None
    """(n, h2, w2, 3) RGB."""
    labels: NDArray[np.uint8] | None = None
    """(n, h, w), 255 = not counted."""
    inverse_depth: NDArray[np.float32] | None = None
    """(n, h, w) in 1/m, 0 = infinitely far, NaN = unknown."""
    flow: NDArray[np.float32] | None = None
    """(n, h, w, 2) in px on the canvas, NaN = unknown."""
    occluded: NDArray[np.bool_] | None = None
    """(n, h, w) visible in image, hidden or outside the canvas in next_image."""
