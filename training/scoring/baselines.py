"""What ours must beat: classical optical flow, and answers that look at nothing.

The planes are fitted to the truth itself, so they are the best that "floor in front, wall behind"
can be: depth that scores below them has learned nothing about the things in the image.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.correspondence import pixel_grid

DIS_PRESETS: dict[str, int] = {
    "ultrafast": 0,
    "fast": 1,
    "medium": 2,
}  # cv2.DISOPTICAL_FLOW_PRESET_*
DIS_MIN_SIDE_PX = 32  # below, OpenCV 5.0 raises or, for some wide images, crashes
DisPreset = Literal["ultrafast", "fast", "medium"]


def dis_flow(
    image: NDArray[np.uint8], next_image: NDArray[np.uint8], preset: DisPreset = "medium"
) -> NDArray[np.float32]:
    """Dense inverse search on grey images (Kroeger et al. 2016, arXiv 1603.03590), by OpenCV.

    Args:
        image: (h, w, 3) RGB.
        next_image: (h, w, 3) RGB, the same size.
        preset: OpenCV's; "medium" is its best.

    Returns:
        (h, w, 2) flow in px, known everywhere.

    Raises:
        ValueError: the sizes differ.
    """
    height, width = image.shape[:2]
    if image.shape != next_image.shape:
        raise ValueError(
            f"images are {height}x{width} and {next_image.shape[0]}x{next_image.shape[1]} (HxW), "
            f"expected two frames of one size"
        )
    below, right = max(0, DIS_MIN_SIDE_PX - height), max(0, DIS_MIN_SIDE_PX - width)

    def prepare(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        padded = cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return np.asarray(padded, dtype=np.uint8)

    search = cv2.DISOpticalFlow.create(DIS_PRESETS[preset])
    start = np.zeros((height + below, width + right, 2), dtype=np.float32)
    flow = search.calc(prepare(image), prepare(next_image), start)
    return np.array(flow[:height, :width], dtype=np.float32)


def zero_flow(size: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w, 2) nothing moves."""
    return np.zeros((*size, 2), dtype=np.float32)


def best_plane(inverse_depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) the plane a x + b y + c nearest to the true inverse depth, by least squares.

    A plane in space is a plane in inverse depth. NaN in the truth is left out.

    Raises:
        ValueError: fewer than three known pixels.
    """
    height, width = inverse_depth.shape
    known = np.isfinite(inverse_depth)
    if known.sum() < 3:
        raise ValueError(f"{known.sum()} known pixels, expected at least 3 to lay a plane through")
    # Centred and scaled, or float rounding would show on large images.
    grid = pixel_grid(height, width) / max(height, width) - 0.5
    terms = np.concatenate([grid, np.ones((height, width, 1))], axis=-1)
    weights = np.linalg.lstsq(terms[known], inverse_depth[known].astype(np.float64))[0]
    return np.asarray(terms @ weights, dtype=np.float32)
