"""How flat layers move: 3x3 homographies from frame 1 to frame 2, in canvas px.

Axes: ... any shape of points.
"""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

Homography = NDArray[np.float64]
"""(3, 3): (x, y, 1) of frame 1 to a multiple of (x, y, 1) of frame 2."""


def apply(
    homography: Homography, points: Float[Tensor, "... 2"]
) -> tuple[Float[Tensor, "... 2"], Float[Tensor, "..."]]:
    """Moved points, and the factor that they were divided by: not positive behind the camera."""
    h = torch.from_numpy(homography).to(points)
    moved = points @ h[:, :2].T + h[:, 2]
    factor = moved[..., 2]
    safe = torch.where(factor.abs() < 1e-6, torch.full_like(factor, 1e-6), factor)
    return moved[..., :2] / safe[..., None], factor


def inverse(homography: Homography) -> Homography:
    """From frame 2 back to frame 1."""
    return np.asarray(np.linalg.inv(homography), dtype=np.float64)


def near_affine(
    rng: np.random.Generator,
    centre: tuple[float, float],
    *,
    shift_px: float,
    turn_rad: float,
    zoom: float,
    shear: float = 0.01,
) -> Homography:
    """A turn, zoom and shear about a centre, then a shift; the numbers are spreads, not bounds."""
    direction = rng.standard_normal(2)
    shift = direction / (np.linalg.norm(direction) + 1e-9) * shift_px
    angle, factor = rng.normal(0, turn_rad), np.exp(rng.normal(0, zoom))
    c, s = np.cos(angle), np.sin(angle)
    linear = factor * np.array([[c, -s], [s, c]])
    linear = linear @ np.array([[1, rng.normal(0, shear)], [rng.normal(0, shear), 1]])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.array(centre) + shift - linear @ np.array(centre)
    return matrix


def tilted(
    rng: np.random.Generator, homography: Homography, *, width: int, spread: float
) -> Homography:
    """The same with a perspective part: what a turned camera sees."""
    tilt = homography.copy()
    tilt[2, :2] += rng.normal(0, spread, 2) / width
    return tilt


def plane_motion(
    intrinsics: NDArray[np.float64],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    normal: NDArray[np.float64],
    distance: float,
) -> Homography:
    """What a moving camera sees of a plane: K (R + t n^T / d) K^-1 (Hartley and Zisserman, 13.2).

    Args:
        intrinsics: K.
        rotation: R, from camera 1 to camera 2: x2 = R x1 + t.
        translation: t.
        normal: n, with n . x1 = d on the plane.
        distance: d, in the unit of t.
    """
    moved = rotation + np.outer(translation, normal) / distance
    return np.asarray(intrinsics @ moved @ np.linalg.inv(intrinsics))
