"""Where a ray first meets a unit shape, in closed form.

A ray is o + t d in the local frame of the solid. Each function returns t, infinity where the ray
misses. Written so that float32 holds: discriminants are areas of cross products, not differences of
squares that are large for small, far solids.

Axes: n rays, each with its own solid.
"""

import torch
from jaxtyping import Float
from torch import Tensor

Vector = tuple[Tensor, Tensor, Tensor]
"""x, y and z, each (n,)."""

FAR = float("inf")


def meet_box(o: Vector, d: Vector) -> Float[Tensor, " n"]:
    """The cube [-1, 1]^3, from outside or from inside."""
    enter, leave = None, None
    for origin, direction in zip(o, d, strict=True):
        # A direction of exactly 0 would make NaN of 0 * inf; 1e-20 is lost in any other.
        inverse = (direction + 1e-20).reciprocal_()
        middle = origin * inverse
        inverse = inverse.abs_()
        near, far = -inverse - middle, inverse - middle
        enter = near if enter is None else torch.maximum(enter, near)
        leave = far if leave is None else torch.minimum(leave, far)
    assert enter is not None
    assert leave is not None
    t = torch.where(enter > 0, enter, leave)
    return t.masked_fill_((enter > leave) | (leave <= 0), FAR)


def meet_ball(o: Vector, d: Vector) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """The unit ball: where the ray enters and where it leaves."""
    (ox, oy, oz), (dx, dy, dz) = o, d
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    cx, cy, cz = oy * dz - oz * dy, oz * dx - ox * dz, ox * dy - oy * dx
    root = (a - cx * cx - cy * cy - cz * cz).sqrt_()  # NaN where the ray misses
    near, far = (-b - root) / a, (root - b) / a
    return _positive(near), _positive(far)


def meet_cone(o: Vector, d: Vector, taper: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The cylinder along y with radius 1 at y = -1 and 1 - taper at y = 1, with both caps."""
    (ox, oy, oz), (dx, dy, dz) = o, d
    slope = -0.5 * taper
    radius = 1 + slope + slope * oy
    s = slope * dy
    across = dx * dx + dz * dz
    a = across - s * s
    b = ox * dx + oz * dz - s * radius
    ex, ez, cross = radius * dx - s * ox, radius * dz - s * oz, ox * dz - oz * dx
    root = (ex * ex + ez * ez - cross * cross).sqrt_()
    best = torch.full_like(oy, FAR)
    for t in ((-b - root) / a, (root - b) / a):
        y = oy + t * dy
        best = torch.where((y.abs() <= 1) & (t > 0) & (t < best), t, best)
    for cap in (-1.0, 1.0):
        t = (cap - oy) / dy
        x, z = ox + t * dx, oz + t * dz
        limit = 1.0 if cap < 0 else (1 - taper) ** 2
        best = torch.where((x * x + z * z <= limit) & (t > 0) & (t < best), t, best)
    return best


def meet_quad(o: Vector, d: Vector, is_round: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The square [-1, 1]^2 at z = 0, or the disc in it, from either side."""
    (ox, oy, oz), (dx, dy, dz) = o, d
    t = -oz / dz
    x, y = (ox + t * dx).abs_(), (oy + t * dy).abs_()
    reach = torch.where(is_round > 0, x * x + y * y, torch.maximum(x, y))
    return torch.where((reach <= 1) & (t > 0), t, FAR)


def _positive(t: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    return torch.where(t > 0, t, FAR)
