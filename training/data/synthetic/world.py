"""A scene between description and picture: solids, materials, light, and the camera at two times.

Nothing here knows about resolution: the lens is an angle, and a view is made for a canvas.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from training.data.synthetic.atlas import Atlas
from training.data.synthetic.light import Light
from training.data.synthetic.solids import Solids
from training.data.synthetic.view import View


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A pinhole camera without pixels."""

    fov_deg: float
    """Angle of view over the longer side of the canvas."""
    shift: tuple[float, float] = (0.0, 0.0)
    """How far the principal point is off the middle, (x, y) in longer sides."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the camera is."""

    rotation: NDArray[np.float64]
    """(3, 3) world to camera."""
    position: NDArray[np.float64]
    """(3,) in metres."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that is seen, at two times."""

    solids: Solids
    motions: NDArray[np.float64]
    """(b, 3, 4) how each body moves from the first time to the second; body 0 stays."""
    materials: Float[Tensor, "columns m"]
    atlas: Atlas
    light: Light
    lens: Lens
    pose: Pose
    next_pose: Pose


def view_of(pose: Pose, lens: Lens, canvas: tuple[int, int]) -> View:
    """The camera at a pose, with the pixels of a canvas (height, width)."""
    height, width = canvas
    longer = max(height, width)
    return View(
        rotation=pose.rotation,
        position=pose.position,
        focal_px=0.5 * longer / float(np.tan(np.radians(lens.fov_deg) / 2)),
        principal_px=(width / 2 + lens.shift[0] * longer, height / 2 + lens.shift[1] * longer),
    )
