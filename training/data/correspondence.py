"""Where pixels of one image lie in the next one.

Pixel (row y, column x) has the coordinates (x, y) here: integers are pixel centres.
"""

import cv2
import numpy as np
from numpy.typing import NDArray


def pixel_grid(height: int, width: int) -> NDArray[np.float32]:
    """(h, w, 2) the (x, y) of every pixel."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x, y], axis=-1).astype(np.float32)


def leaves_image(flow: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(h, w) true where the flow (h, w, 2) points out of the next image. Unknown flow: false."""
    height, width, _ = flow.shape
    target = pixel_grid(height, width) + flow
    x, y = target[..., 0], target[..., 1]
    # Pixels are squares of side 1 around their centres.
    return np.asarray((x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5))


def warp_back(
    next_values: NDArray[np.uint8] | NDArray[np.float32], flow: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What the next frame shows where the flow points to: bilinear, 0 outside or unknown.

    Args:
        next_values: (h, w) or (h, w, channels) of the next frame.
        flow: (h, w, 2) in px, frame to next frame.
    """
    height, width, _ = flow.shape
    target = np.nan_to_num(pixel_grid(height, width) + flow, nan=-1e6)
    x, y = np.ascontiguousarray(target[..., 0]), np.ascontiguousarray(target[..., 1])
    warped = cv2.remap(next_values.astype(np.float32), x, y, cv2.INTER_LINEAR, borderValue=0)
    return np.asarray(warped, dtype=np.float32)
