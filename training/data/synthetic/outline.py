"""Where a flat layer ends: outlines given by their signed distance.

Axes: ... any shape of points, v vertices.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A closed polygon, perhaps with an elliptic hole, in canvas px (x, y)."""

    vertices: NDArray[np.float64]
    """(v, 2)."""
    hole: tuple[float, float, float, float] | None = None
    """Centre x, y and radii x, y."""

    def distance(self, points: Float[Tensor, "... 2"]) -> Float[Tensor, "..."]:
        """Distance to the border in px, negative inside."""
        corner = torch.from_numpy(self.vertices).to(points)
        edge = corner.roll(-1, 0) - corner
        nearest = torch.full_like(points[..., 0], torch.inf)
        outside = torch.ones_like(nearest)
        for start, along in zip(corner, edge, strict=True):
            to = points - start
            t = ((to @ along) / along.square().sum().clamp(min=1e-9)).clamp(0, 1)
            nearest = torch.minimum(nearest, (to - t[..., None] * along).square().sum(-1))
            # The sign flips at every edge that a ray to the right crosses.
            above = points[..., 1] >= start[1]
            below = points[..., 1] < start[1] + along[1]
            left = along[0] * to[..., 1] > along[1] * to[..., 0]
            crosses = (above & below & left) | (~above & ~below & ~left)
            outside = torch.where(crosses, -outside, outside)
        distance = outside * nearest.sqrt()
        if self.hole is not None:
            x, y, radius_x, radius_y = self.hole
            centre = torch.tensor([x, y]).to(points)
            radii = torch.tensor([radius_x, radius_y]).to(points)
            to_hole = (((points - centre) / radii).norm(dim=-1) - 1) * min(radius_x, radius_y)
            distance = torch.maximum(distance, -to_hole)
        return distance

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        (left, top), (right, bottom) = self.vertices.min(0), self.vertices.max(0)
        return float(left), float(top), float(right), float(bottom)


def random_outline(rng: np.random.Generator, canvas: tuple[int, int]) -> Outline:
    """A blob, an ellipse, a polygon, a rectangle or a thin bar somewhere on the canvas."""
    height, width = canvas
    centre = rng.uniform(0, 1, 2) * (width, height)
    small, large = 0.025 * min(canvas), 0.5 * min(canvas)
    radius = float(np.exp(rng.uniform(np.log(small), np.log(large))))
    hole = None
    kind = rng.choice(
        ["blob", "ellipse", "polygon", "rectangle", "bar"], p=[0.3, 0.2, 0.15, 0.2, 0.15]
    )
    if kind == "bar":
        length = rng.uniform(0.5, 1.5) * max(canvas)
        thickness = max(rng.uniform(0.005, 0.04) * width, 1.5)
        upright = rng.random() < 0.5
        vertices = _rectangle(length, thickness, np.pi / 2 if upright else rng.uniform(0, np.pi))
    elif kind == "rectangle":
        sides = 2 * radius * rng.uniform(0.3, 1.5, 2)
        vertices = _rectangle(sides[0], sides[1], rng.normal(0, 0.2))
    elif kind == "polygon":
        count = int(rng.integers(3, 9))
        angle = np.sort(rng.uniform(0, 2 * np.pi, count))
        vertices = _around(angle, radius * rng.uniform(0.5, 1.2, count))
    else:
        angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        reach = np.ones_like(angle)
        if kind == "blob":
            for wave in range(1, 5):
                reach += rng.uniform(-0.25, 0.25) * np.sin(wave * angle + rng.uniform(0, 2 * np.pi))
        vertices = _around(angle, radius * reach) * (1, rng.uniform(0.3, 1))
    if rng.random() < 0.15:
        hole = (float(centre[0]), float(centre[1]), 0.5 * radius, 0.4 * radius)
    return Outline(vertices=vertices + centre, hole=hole)


def _around(angle: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _rectangle(length: float, thickness: float, turn: float) -> NDArray[np.float64]:
    x, y = length / 2, thickness / 2
    corners = np.array([[-x, -y], [x, -y], [x, y], [-x, y]])
    c, s = np.cos(turn), np.sin(turn)
    return np.asarray(corners @ np.array([[c, s], [-s, c]]))
