"""Putting solids together: groups with their own frame, placed in other groups.

A group stands at (x, y, z) and is turned by a yaw; parts are given in its frame. So a car is built
once around its own origin and parked anywhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.task import CLASS_NAMES, IGNORE_INDEX
from training.data.synthetic.material import Material
from training.data.synthetic.number import Number
from training.data.synthetic.solids import Shape, Solids
from training.data.synthetic.turning import rotations, turn_right

CLASS_INDEX: dict[str, int] = {name: i for i, name in enumerate(CLASS_NAMES)}


@dataclass(kw_only=True)
class Assembly:
    """The parts of a scene while it is built."""

    rows: list[tuple[Number, ...]] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    motions: list[NDArray[np.float64]] = field(default_factory=lambda: [np.eye(3, 4)])
    _index: dict[int, int] = field(default_factory=dict)

    def root(self, label: str | None = None) -> "Group":
        """The group whose frame is the world."""
        return Group(assembly=self, label=label)

    def material_index(self, material: Material) -> int:
        """The row of a material, added when it is new."""
        # By identity: the list keeps each object alive, and hashing its fields is slow.
        if id(material) not in self._index:
            self._index[id(material)] = len(self.materials)
            self.materials.append(material)
        return self._index[id(material)]

    def solids(self) -> Solids:
        """All parts, sorted by shape."""
        table = np.array(self.rows, dtype=np.float64).reshape(-1, 20)
        table = table[np.argsort(table[:, 0], kind="stable")]
        whole = table[:, 11:].astype(np.int64)
        return Solids(
            shape=table[:, 0].astype(np.int64),
            centre=table[:, 1:4],
            axes=rotations(table[:, 4], table[:, 5], table[:, 6]),
            half=np.maximum(table[:, 7:10], 1e-4),
            taper=table[:, 10],
            hole_layer=whole[:, 0],
            hole_period=table[:, 12:14],
            material=whole[:, 3:6],
            label=whole[:, 6],
            body=whole[:, 7],
            casts_shadow=table[:, 19] > 0,
        )


@dataclass(frozen=True, kw_only=True)
class Group:
    """A frame to build in. Lengths in metres, angles in radians."""

    assembly: Assembly
    x: Number = 0.0
    y: Number = 0.0
    z: Number = 0.0
    yaw: Number = 0.0
    label: str | None = None
    """Class of the parts; None = not counted."""
    body: int = 0
    shadow: bool = True

    def at(
        self,
        x: Number,
        y: Number,
        z: Number,
        *,
        yaw: Number = 0.0,
        label: str | None = None,
        body: int | None = None,
        shadow: bool | None = None,
    ) -> "Group":
        """A group inside of this one; label and body are inherited unless given."""
        px, py, pz = self._world(x, y, z)
        return Group(
            assembly=self.assembly,
            x=px,
            y=py,
            z=pz,
            yaw=self.yaw + yaw,
            label=self.label if label is None else label,
            body=self.body if body is None else body,
            shadow=self.shadow if shadow is None else shadow,
        )

    def moving(self, *, ahead_m: Number, aside_m: Number = 0.0, turn_rad: Number = 0.0) -> "Group":
        """The same frame as a new rigid body, which moves and turns between the two frames."""
        dx, dz = turn_right(aside_m, ahead_m, self.yaw)
        turn = rotations(np.array([turn_rad]), np.zeros(1), np.zeros(1))[0]
        pivot = np.array([self.x, self.y, self.z])
        shift = pivot + np.array([dx, 0.0, dz]) - turn @ pivot
        self.assembly.motions.append(np.concatenate([turn, shift[:, None]], axis=1))
        return Group(
            assembly=self.assembly,
            x=self.x,
            y=self.y,
            z=self.z,
            yaw=self.yaw,
            label=self.label,
            body=len(self.assembly.motions) - 1,
            shadow=self.shadow,
        )

    def box(
        self,
        centre: Sequence[Number],
        size: Sequence[Number],
        material: Material,
        *,
        top: Material | None = None,
        front: Material | None = None,
        turn: Sequence[Number] = (0.0, 0.0, 0.0),
        label: str | None = None,
    ) -> None:
        """A box; `size` is its width, height and length, `turn` its yaw, pitch and roll."""
        self._add(Shape.BOX, centre, size, turn, (material, top, front), label)

    def ball(
        self,
        centre: Sequence[Number],
        size: Sequence[Number],
        material: Material,
        *,
        turn: Sequence[Number] = (0.0, 0.0, 0.0),
        label: str | None = None,
        holes: int | None = None,
        hole_period_m: Number = 1.0,
    ) -> None:
        """An ellipsoid with three diameters; with a layer of `holes` it is a crown of leaves."""
        shape = Shape.BALL if holes is None else Shape.CROWN
        hole = (holes or 0, hole_period_m, hole_period_m)
        self._add(shape, centre, size, turn, (material, None, None), label, hole=hole)

    def cone(
        self,
        centre: Sequence[Number],
        size: Sequence[Number],
        material: Material,
        *,
        taper: Number = 0.0,
        top: Material | None = None,
        turn: Sequence[Number] = (0.0, 0.0, 0.0),
        label: str | None = None,
    ) -> None:
        """An upright cylinder, or a cone where `taper` is 1; `size` is that of its foot and height.

        A negative taper makes it wider at the top. Such a cone is stored upside down, because the
        unit shape must fit into its cube.
        """
        if taper < 0:
            size = (size[0] * (1 - taper), size[1], size[2] * (1 - taper))
            turn = (turn[0], turn[1], turn[2] + math.pi)
            taper = 1 - 1 / (1 - taper)
        self._add(Shape.CONE, centre, size, turn, (material, top, None), label, taper=taper)

    def quad(
        self,
        centre: Sequence[Number],
        size: Sequence[Number],
        material: Material,
        *,
        turn: Sequence[Number] = (0.0, 0.0, 0.0),
        label: str | None = None,
        is_round: bool = False,
        holes: int | None = None,
        hole_period_m: Sequence[Number] = (1.0, 1.0),
    ) -> None:
        """A flat piece facing z, width by height; with `holes` it is a grille."""
        shape = Shape.QUAD if holes is None else Shape.GRILLE
        hole = (holes or 0, hole_period_m[0], hole_period_m[1])
        size = (size[0], size[1], 2.0)
        materials = (material, None, None)
        taper = float(is_round)
        self._add(shape, centre, size, turn, materials, label, taper=taper, hole=hole)

    def rod(
        self,
        start: Sequence[Number],
        end: Sequence[Number],
        thickness_m: Number,
        material: Material,
    ) -> None:
        """A straight cylinder between two points of this frame."""
        dx, dy, dz = (b - a for a, b in zip(start, end, strict=True))
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        centre = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
        # After a yaw and a pitch, local y is (sin yaw sin pitch, cos pitch, cos yaw sin pitch).
        turn = (math.atan2(dx, dz), math.acos(max(-1.0, min(1.0, dy / max(length, 1e-9)))), 0.0)
        self.cone(centre, (thickness_m, length, thickness_m), material, turn=turn)

    def _add(
        self,
        shape: Shape,
        centre: Sequence[Number],
        size: Sequence[Number],
        turn: Sequence[Number],
        materials: tuple[Material, Material | None, Material | None],
        label: str | None,
        *,
        taper: Number = 0.0,
        hole: tuple[Number, Number, Number] = (0.0, 1.0, 1.0),
    ) -> None:
        index = self.assembly.material_index
        side = index(materials[0])
        top = side if materials[1] is None else index(materials[1])
        front = side if materials[2] is None else index(materials[2])
        name = self.label if label is None else label
        self.assembly.rows.append(
            (
                float(shape),
                *self._world(centre[0], centre[1], centre[2]),
                self.yaw + turn[0],
                turn[1],
                turn[2],
                size[0] / 2,
                size[1] / 2,
                size[2] / 2,
                taper,
                *hole,
                side,
                top,
                front,
                IGNORE_INDEX if name is None else CLASS_INDEX[name],
                self.body,
                float(self.shadow),
            )
        )

    def _world(self, x: Number, y: Number, z: Number) -> tuple[Number, Number, Number]:
        dx, dz = turn_right(x, z, self.yaw)
        return self.x + dx, self.y + y, self.z + dz
