"""A pinhole camera, and depth carried over from one camera to another.

Camera coordinates: x right, y down, z along the optical axis, metres.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.correspondence import pixel_grid


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole without distortion; the centre counts from the middle of pixel (0, 0)."""

    focal_x_px: float
    focal_y_px: float
    centre_x_px: float
    centre_y_px: float

    def points(self, depth_m: NDArray[np.float32]) -> NDArray[np.float64]:
        """(h, w, 3) what the pixels of a depth map show; NaN where depth is unknown."""
        grid = pixel_grid(*depth_m.shape).astype(np.float64)
        x = (grid[..., 0] - self.centre_x_px) / self.focal_x_px
        y = (grid[..., 1] - self.centre_y_px) / self.focal_y_px
        return np.stack([x, y, np.ones_like(x)], axis=-1) * depth_m[..., None].astype(np.float64)

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) where points (..., 3) with z > 0 are seen, (x, y) in px."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        return np.stack(
            [
                x / z * self.focal_x_px + self.centre_x_px,
                y / z * self.focal_y_px + self.centre_y_px,
            ],
            axis=-1,
        )


def register_depth(
    depth_m: NDArray[np.float32], camera: Camera, other: Camera, shift_m: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Depth as a camera beside the depth camera sees it: each pixel shows the nearest point.

    Args:
        depth_m: (h, w) of `camera`, NaN where unknown.
        camera: the one that measured depth.
        other: the one to see it from, with a shorter focal length (a longer one leaves gaps).
        shift_m: (3,) added to a point's coordinates in `camera` to have those in `other`.

    Returns:
        (h, w) depth along the other optical axis, NaN where nothing known is seen.
    """
    points = camera.points(depth_m) + shift_m
    seen = np.isfinite(depth_m) & (np.nan_to_num(points[..., 2]) > 0)
    points = points[seen]
    x, y = np.rint(other.project(points)).astype(int).T
    height, width = depth_m.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y, z = x[inside], y[inside], points[inside, 2]
    registered = np.full((height, width), np.inf)
    np.minimum.at(registered, (y, x), z)
    registered[np.isinf(registered)] = np.nan
    return registered.astype(np.float32)
