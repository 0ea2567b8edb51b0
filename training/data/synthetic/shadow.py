"""Which points the sun or a lamp reaches: one shadow ray from the light to each point.

The light is a view like a camera, so the same casting serves: points fall onto its plane of cells,
solids cover spans of cells.

Axes: n points.
"""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from training.data.synthetic.atlas import Atlas
from training.data.synthetic.intersection import Vector
from training.data.synthetic.light import Light
from training.data.synthetic.raycast import cast
from training.data.synthetic.rays import scattered_rays
from training.data.synthetic.solids import Solids
from training.data.synthetic.view import View

SUN_M = 600.0  # how far away its plane lies; farther costs float32 digits
CELLS_PER_M = 4.0
LAMP_CELLS = 60.0  # cells per unit of x / z below a lamp
REACH_M = 70.0  # sideways from the camera; what is farther is taken as lit
WIDEST = 6.0  # points farther to the side of a lamp than this times below it are taken as lit


def light_view(light: Light, near: NDArray[np.float64]) -> View:
    """The light as a view; the plane of the sun is centred over `near`."""
    if light.is_lamp:
        down = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
        return View(
            rotation=down,
            position=np.array(light.towards),
            focal_px=LAMP_CELLS,
            principal_px=(0.0, 0.0),
        )
    towards = np.array(light.towards)
    side = np.cross(towards, [0.0, 1.0, 0.0])
    side = side / np.linalg.norm(side) if np.linalg.norm(side) > 1e-6 else np.array([1.0, 0, 0])
    return View(
        rotation=np.stack([side, np.cross(side, towards), -towards]),
        position=near + towards * SUN_M,
        focal_px=CELLS_PER_M,
        principal_px=(0.0, 0.0),
        parallel=True,
    )


def lit(
    point: Vector, normal: Vector, view: View, casters: Solids, atlas: Atlas
) -> Float[Tensor, " n"]:
    """1 where the light reaches a point, 0 where a solid is in between."""
    lift = 0.01  # metres off the surface, so that it does not shade itself
    rotation = view.rotation.tolist()
    p = [point[i] + normal[i] * lift - float(view.position[i]) for i in range(3)]
    x, y, z = (row[0] * p[0] + row[1] * p[1] + row[2] * p[2] for row in rotation)
    result = torch.ones_like(z)
    if view.parallel:
        seen = ((x.abs() < REACH_M) & (y.abs() < REACH_M)).nonzero()[:, 0]
        x, y = x[seen], y[seen]
    else:
        x, y = x / z, y / z
        seen = ((z > 0.05) & (x.abs() < WIDEST) & (y.abs() < WIDEST)).nonzero()[:, 0]
        x, y = x[seen], y[seen]
    rays, order = scattered_rays(view, x * view.focal_px, y * view.focal_px)
    hits = cast(rays, view, casters, atlas)
    distance = z[seen][order]
    hidden = hits.depth_m < distance - 0.02
    result[seen[order[hidden]]] = 0.0
    return result
