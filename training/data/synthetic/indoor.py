"""Indoor scenes: furnished rooms, desks from close by, and things arranged on a ground.

No pixel has a class: CamVid's classes are those of a street.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.synthetic.assembly import Assembly, Group
from training.data.synthetic.clutter import THINGS
from training.data.synthetic.devices import monitor
from training.data.synthetic.furniture import BIG, Place, table
from training.data.synthetic.handheld import Point, hold, stand
from training.data.synthetic.lamplight import lamplight
from training.data.synthetic.material import material_table
from training.data.synthetic.palette import Palette
from training.data.synthetic.room import build_room
from training.data.synthetic.world import Lens, World


def build_indoor(
    seed: int, *, photographs: Sequence[NDArray[np.uint8]], device: torch.device
) -> World:
    """A room seen by a camera in the hand, and the same room a moment later."""
    rng = np.random.default_rng([seed, 2])
    palette = Palette(rng=rng, photographs=photographs)
    assembly = Assembly()
    kind = rng.random()
    if kind < 0.4:
        size, target, distance = _furnished(assembly.root(), palette)
    elif kind < 0.7:
        size, target, distance = _desk(assembly.root(), palette)
    else:
        size, target, distance = _arrangement(assembly.root(), palette)
    width, height, length = size
    solids = assembly.solids()
    lens = Lens(
        fov_deg=float(rng.uniform(45, 75)),
        shift=(float(rng.normal(0, 0.01)), float(rng.normal(0, 0.01))),
    )
    eye = stand(rng, target, distance, size, solids)
    pose, next_pose = hold(rng, eye, target, distance, size)
    return World(
        solids=solids,
        motions=np.stack(assembly.motions),
        materials=torch.from_numpy(material_table(assembly.materials)).to(device),
        atlas=palette.atlas(device),
        light=lamplight(palette, half=(width / 2, height / 2, length / 2)),
        lens=lens,
        pose=pose,
        next_pose=next_pose,
    )


def _furnished(root: Group, palette: Palette) -> tuple[Point, Point, float]:
    """A room with furniture along its walls and some in the middle."""
    rng = palette.rng
    width, length, height = rng.uniform(3, 8), rng.uniform(3, 8), rng.uniform(2.3, 3.2)
    build_room(root, palette, width_m=width, length_m=length, height_m=height)
    spots: list[Group] = []
    for i in range(4):
        span, out = (width, length / 2) if i % 2 == 0 else (length, width / 2)
        at = -span / 2 + rng.uniform(0.5, 1.2)
        while at < span / 2 - 0.8:
            spot = root.at(0, 0, 0, yaw=i * math.pi / 2).at(
                at + 0.5, 0, out - rng.uniform(0.4, 0.6)
            )
            spots.append(spot)
            _piece(spot, palette, BIG[int(rng.integers(len(BIG)))](spot, palette))
            at += rng.uniform(1.2, 2.4)
    for _ in range(int(rng.integers(1, 5))):
        spot = root.at(
            rng.uniform(-0.3, 0.3) * width,
            0,
            rng.uniform(-0.3, 0.3) * length,
            yaw=rng.uniform(0, 6.28),
        )
        if rng.random() < 0.15:
            spot = _nudged(spot, rng)
        spots.append(spot)
        _piece(spot, palette, BIG[int(rng.integers(4))](spot, palette))
    for _ in range(int(rng.integers(0, 5))):
        spot = root.at(rng.uniform(-0.4, 0.4) * width, 0, rng.uniform(-0.4, 0.4) * length)
        THINGS[int(rng.integers(len(THINGS)))](spot.at(0, 0, 0, yaw=rng.uniform(0, 6.28)), palette)
    # Towards some piece of furniture more often than towards a wall.
    near = spots[int(rng.integers(len(spots)))] if rng.random() < 0.7 else root.at(0, 0, 0)
    spread = 0.5 if near in spots else 0.35 * min(width, length)
    x, z = near.x + rng.normal(0, spread), near.z + rng.normal(0, spread)
    target = (float(x), float(rng.uniform(0.2, 1.5)), float(z))
    return (width, height, length), target, float(rng.uniform(1.2, 5.0))


def _desk(root: Group, palette: Palette) -> tuple[Point, Point, float]:
    """A desk full of things, from close by."""
    rng = palette.rng
    width, length, height = rng.uniform(3, 9), rng.uniform(3, 9), rng.uniform(2.4, 3.5)
    build_room(root, palette, width_m=width, length_m=length, height_m=height)
    spot = root.at(
        rng.uniform(-0.25, 0.25) * width,
        0,
        rng.uniform(-0.25, 0.25) * length,
        yaw=rng.uniform(0, 6.28),
    )
    places = table(spot, palette)
    _piece(spot, palette, places, full=0.85)
    if rng.random() < 0.6:
        x, y, z, _ = places[int(rng.integers(2, 6))]
        monitor(spot.at(x, y, z + 0.12, yaw=rng.normal(0, 0.2)), palette)
    for _ in range(int(rng.integers(2, 6))):
        angle, out = rng.uniform(0, 6.28), rng.uniform(1.3, 2.8)
        other = spot.at(out * math.sin(angle), 0, out * math.cos(angle), yaw=rng.uniform(0, 6.28))
        if abs(other.x) < width / 2 - 0.4 and abs(other.z) < length / 2 - 0.4:
            _piece(other, palette, BIG[int(rng.integers(len(BIG)))](other, palette))
    x, y, z, _ = places[int(rng.integers(len(places)))]
    point = spot.at(x, y + rng.uniform(-0.1, 0.25), z)
    return (width, height, length), (point.x, point.y, point.z), float(rng.uniform(0.4, 1.8))


def _arrangement(root: Group, palette: Palette) -> tuple[Point, Point, float]:
    """Boxes, balls, cones and more on a ground before a wall, like a still life."""
    rng = palette.rng
    scale = rng.uniform(1.0, 3.0)
    width, length, height = (
        rng.uniform(3, 6) * scale,
        rng.uniform(3, 6) * scale,
        rng.uniform(2.5, 3.0) * scale,
    )
    build_room(root, palette, width_m=width, length_m=length, height_m=height)
    centre = root.at(rng.uniform(-0.2, 0.2) * width, 0, rng.uniform(-0.2, 0.2) * length)
    for _ in range(int(rng.integers(8, 26))):
        spread = rng.uniform(0.2, 0.9) * scale
        spot = centre.at(rng.normal(0, spread), 0, rng.normal(0, spread), yaw=rng.uniform(0, 6.28))
        if rng.random() < 0.12:
            spot = _nudged(spot, rng)
        _shape(spot, palette, scale * rng.uniform(0.2, 0.9))
    if rng.random() < 0.5:  # a backdrop close behind
        back = centre.at(0, 0, 0, yaw=rng.uniform(0, 6.28)).at(0, 0, rng.uniform(0.8, 1.6) * scale)
        back.box((0, scale, 0), (3 * scale, 2 * scale, 0.05), palette.picture())
    target = (centre.x, rng.uniform(0.1, 0.6) * scale, centre.z)
    return (width, height, length), target, float(rng.uniform(1.0, 2.2)) * scale


def _shape(spot: Group, palette: Palette, size: float) -> None:
    rng = palette.rng
    name = str(rng.choice(["cloth", "poster", "wood", "bricks", "checks", "storeys", "leaves"]))
    skin = palette.natural(name, period_m=(size, size), specular=float(rng.choice([0, 0, 0.04])))
    if rng.random() < 0.35:
        skin = palette.picture()
    elif rng.random() < 0.4:
        tone = rng.uniform(0.1, 0.9, size=3)
        skin = palette.tinted("plaster", (tone[0], tone[1], tone[2]), contrast=0.4, specular=0.03)
    a, b, c = size * rng.uniform(0.3, 1.2, size=3)
    kind = rng.random()
    tilt = (0.0, 0.0, 0.0) if rng.random() < 0.6 else tuple(rng.normal(0, 0.4, size=3))
    if kind < 0.35:
        spot.box((0, b / 2, 0), (a, b, c), skin, turn=tilt)
    elif kind < 0.55:
        spot.ball((0, b / 2, 0), (a, b, c), skin, turn=tilt)
    elif kind < 0.8:
        spot.cone(
            (0, b / 2, 0),
            (a, b, a),
            skin,
            taper=float(rng.choice([0.0, 1.0, rng.uniform(-0.3, 0.8)])),
            turn=tilt,
        )
    elif kind < 0.9:
        spot.quad((0, b / 2, 0), (a, b), skin, turn=(0, rng.normal(0, 0.3), 0))
    else:
        for i in range(6):
            x = (i / 5 - 0.5) * a
            spot.rod((x, 0, 0), (x, b, 0), 0.03 * size, skin)
        spot.rod((-a / 2, b, 0), (a / 2, b, 0), 0.04 * size, skin)


def _piece(spot: Group, palette: Palette, places: list[Place], *, full: float = 0.5) -> None:
    """Put things where a piece of furniture has room for them."""
    rng = palette.rng
    for x, y, z, _ in places:
        if rng.random() < full:
            thing = spot.at(x, y, z, yaw=rng.normal(0, 0.6))
            if rng.random() < 0.06:
                thing = _nudged(thing, rng)
            THINGS[int(rng.integers(len(THINGS)))](thing, palette)


def _nudged(spot: Group, rng: np.random.Generator) -> Group:
    return spot.moving(
        ahead_m=rng.normal(0, 0.05), aside_m=rng.normal(0, 0.05), turn_rad=rng.normal(0, 0.1)
    )
