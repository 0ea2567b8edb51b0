"""What lies at each hit: the point, the normal, and the place on its texture.

Axes: n hits on solids (no sky).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from training.data.synthetic.intersection import Vector
from training.data.synthetic.mapping import across_and_up
from training.data.synthetic.raycast import LocalRays
from training.data.synthetic.solids import Shape, Solids
from training.data.synthetic.view import View


@dataclass(frozen=True, kw_only=True)
class Surface:
    """n points on solids, seen from a camera."""

    point: Vector
    """World coordinates in metres."""
    normal: Vector
    """Unit length, in the world, towards the camera."""
    sight: Vector
    """Unit direction from the camera to the point, in the world."""
    facing: Float[Tensor, " n"]
    """Cosine between normal and the way back to the camera, 0 to 1."""
    material: Int64[Tensor, " n"]
    across_m: Float[Tensor, " n"]
    up_m: Float[Tensor, " n"]
    face_m: tuple[Tensor, Tensor]
    """Width and height of the textured face."""


def find_surface(
    *,
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    depth_m: Float[Tensor, " n"],
    solid: Int64[Tensor, " n"],
    view: View,
    solids: Solids,
    local: LocalRays,
) -> Surface:
    """The surface points of camera rays through (x, y) that meet `solid` at `depth_m`."""
    device = x.device
    table = _table(solids).to(device)
    half_x, half_y, half_z, taper, shape = (row.index_select(0, solid) for row in table)
    across = [row.index_select(0, solid) for row in local.across]
    down = [row.index_select(0, solid) for row in local.down]
    along = [row.index_select(0, solid) for row in local.along]
    p = [
        local.origin[i].index_select(0, solid) + depth_m * (along[i] + across[i] * x + down[i] * y)
        for i in range(3)
    ]
    is_flat = (shape == Shape.QUAD) | (shape == Shape.GRILLE)
    is_round = (shape == Shape.BALL) | (shape == Shape.CROWN)
    is_cone = shape == Shape.CONE
    p[2] = torch.where(is_flat, 2.0, p[2])
    # A cap of a cylinder is where it is outermost along y; the margin is for float32.
    capped = is_cone & (p[1].abs() < 0.9999)
    height = torch.where(capped, 0.0, p[1])
    across_m, up_m, face_m, axis = across_and_up(p[0], height, p[2], half_x, half_y, half_z)
    up_m = torch.where(capped, (p[1] + 1) * half_y, up_m)

    gradient = []
    for i in range(3):
        on_axis = torch.where(axis == i, p[i], 0.0)
        gradient.append(torch.where(is_round | capped, p[i], on_axis))
    slope = 0.5 * taper
    gradient[1] = torch.where(capped, slope * (1 - slope - slope * p[1]), gradient[1])
    # Gradients transform with the transpose of the map into the local frame; across, down and
    # along are that map's columns in camera axes.
    n = [
        col[0] * gradient[0] + col[1] * gradient[1] + col[2] * gradient[2]
        for col in (across, down, along)
    ]
    facing = n[0] * x + n[1] * y + n[2]
    flip = -torch.sign(facing) / (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt()
    n = [value * flip for value in n]
    length = (x * x + y * y + 1).sqrt()
    sight = _to_world(view, x, y, torch.ones_like(x))
    position = [float(value) for value in view.position]
    materials = torch.from_numpy(np.ascontiguousarray(solids.material)).to(device)
    return Surface(
        point=(
            sight[0] * depth_m + position[0],
            sight[1] * depth_m + position[1],
            sight[2] * depth_m + position[2],
        ),
        normal=_to_world(view, n[0], n[1], n[2]),
        sight=(sight[0] / length, sight[1] / length, sight[2] / length),
        facing=(facing * flip / -length).clamp_(0.0, 1.0),
        material=materials.view(-1).index_select(0, solid * 3 + axis),
        across_m=across_m,
        up_m=up_m,
        face_m=face_m,
    )


def sight_of(view: View, x: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> Vector:
    """Unit directions of camera rays in the world."""
    length = (x * x + y * y + 1).sqrt()
    sx, sy, sz = _to_world(view, x, y, torch.ones_like(x))
    return sx / length, sy / length, sz / length


def _table(solids: Solids) -> Tensor:
    rows = np.stack([*solids.half.T, solids.taper, solids.shape.astype(np.float64)])
    return torch.from_numpy(rows.astype(np.float32))


def _to_world(view: View, x: Tensor, y: Tensor, z: Tensor) -> Vector:
    r = view.rotation.tolist()
    return (
        x * r[0][0] + y * r[1][0] + z * r[2][0],
        x * r[0][1] + y * r[1][1] + z * r[2][1],
        x * r[0][2] + y * r[1][2] + z * r[2][2],
    )
