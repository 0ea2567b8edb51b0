"""A view: how the world falls onto a plane of pixels, from a camera, a lamp or the sun.

Camera axes: x right, y down, z along the optical axis. Pixel centres are at + 0.5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR_M = 0.03
"""What is nearer than this along the optical axis is not seen."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A pinhole camera, or with `parallel` rays along the optical axis (how the sun sees)."""

    rotation: NDArray[np.float64]
    """(3, 3), world to camera; rows are right, down and forward in the world."""
    position: NDArray[np.float64]
    """(3,) in metres, in the world. Parallel: the origin of its plane."""
    focal_px: float
    """Pixels per unit of x / z; parallel: pixels per metre."""
    principal_px: tuple[float, float]
    """(x, y) in pixels where the optical axis meets the plane."""
    parallel: bool = False

    def to_camera(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (..., 3) in camera axes."""
        turned: NDArray[np.float64] = (points - self.position) @ self.rotation.T
        return turned

    def project(self, camera_points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Camera points (..., 3) to pixels (..., 2) as (x, y). Points behind are not checked."""
        across = camera_points[..., :2]
        if not self.parallel:
            across = across / camera_points[..., 2:]
        pixels: NDArray[np.float64] = across * self.focal_px + np.asarray(self.principal_px)
        return pixels


def look(*, yaw_rad: float, pitch_rad: float = 0.0, roll_rad: float = 0.0) -> NDArray[np.float64]:
    """World-to-camera rotation: yaw turns right, pitch looks up, roll tilts the head."""
    sy, cy = np.sin(yaw_rad), np.cos(yaw_rad)
    sp, cp = np.sin(pitch_rad), np.cos(pitch_rad)
    sr, cr = np.sin(roll_rad), np.cos(roll_rad)
    forward = np.array([sy * cp, sp, cy * cp])
    right = np.array([cy, 0.0, -sy])
    down = np.array([sy * sp, -cp, cy * sp])
    return np.stack([cr * right + sr * down, cr * down - sr * right, forward])
