"""What a scene is made of: boxes, balls, cones and quads, each a moved and stretched unit shape.

A solid has a local frame in which it is a unit shape: the cube [-1, 1]^3, the unit ball, the unit
cylinder along y (tapered: a cone), the square [-1, 1]^2 in z = 0. Crowns and grilles are balls and
quads with holes cut into them (leaves, fences).

World axes: x right, y up, z forward, metres. Small arrays live in NumPy float64, on any machine the
same; only what is per pixel is a tensor.

Axes: n solids, b rigid bodies.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Shape(IntEnum):
    """Kinds of solids, in the order in which they are stored and intersected."""

    BOX = 0
    BALL = 1
    CONE = 2
    QUAD = 3
    CROWN = 4
    GRILLE = 5


@dataclass(frozen=True, kw_only=True)
class Solids:
    """n solids sorted by shape. Columns of `axes[i]` are the local axes of solid i in the world."""

    shape: NDArray[np.int64]
    """(n,) ascending."""
    centre: NDArray[np.float64]
    """(n, 3) in metres."""
    axes: NDArray[np.float64]
    """(n, 3, 3) rotation, local to world."""
    half: NDArray[np.float64]
    """(n, 3) half sizes in metres, positive."""
    taper: NDArray[np.float64]
    """(n,) cones: share by which the top radius is smaller, 0 = cylinder. Quads: 1 = round."""
    hole_layer: NDArray[np.int64]
    """(n,) crowns and grilles: layer of the atlas whose alpha says where they are solid."""
    hole_period: NDArray[np.float64]
    """(n, 2) metres per repetition of that layer along u and v."""
    material: NDArray[np.int64]
    """(n, 3) rows of the materials: sides, top and bottom, front and back."""
    label: NDArray[np.int64]
    """(n,) class index."""
    body: NDArray[np.int64]
    """(n,) which rigid body it belongs to; 0 never moves."""
    casts_shadow: NDArray[np.bool_]
    """(n,)"""

    def __len__(self) -> int:
        return len(self.shape)

    def to_local(self) -> NDArray[np.float64]:
        """(n, 3, 3), world vectors to local ones: the inverse of rotation times stretch."""
        return np.swapaxes(self.axes, 1, 2) / self.half[:, :, None]

    def moved(self, motions: NDArray[np.float64]) -> "Solids":
        """The solids after each body b has moved by `motions[b]`, (b, 3, 4), world to world."""
        motion = motions[self.body]
        return replace(
            self,
            centre=np.einsum("nij,nj->ni", motion[:, :, :3], self.centre) + motion[:, :, 3],
            axes=motion[:, :, :3] @ self.axes,
        )

    def shadow_casters(self) -> "Solids":
        """Only those that casts_shadow, still sorted by shape."""
        return self.subset(np.flatnonzero(self.casts_shadow))

    def subset(self, index: NDArray[np.int64]) -> "Solids":
        """Some of the solids; an ascending index keeps them sorted."""
        return Solids(**{name: values[index] for name, values in vars(self).items()})
