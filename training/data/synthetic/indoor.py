"""Indoor scenes: furnished rooms, desks from close by, and things arranged on a ground.

No pixel has a class: CamVid's classes are those of a street.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.synthetic.assembly import Assembly, Group
from training.data.synthetic.clutter import THINGS, monitor
from training.data.synthetic.furniture import BIG, Place, table
from training.data.synthetic.lamplight import lamplight
from training.data.synthetic.material import material_table
from training.data.synthetic.palette import Palette
from training.data.synthetic.room import build_room
from training.data.synthetic.solids import Solids
from training.data.synthetic.view import look
from training.data.synthetic.world import Lens, Pose, World

Point = tuple[float, float, float]


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
    eye = _eye(rng, target, distance, size, _obstacles(solids))
    pose, next_pose = _poses(rng, eye, target, distance, size)
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
    for i in range(4):
        span, out = (width, length / 2) if i % 2 == 0 else (length, width / 2)
        at = -span / 2 + rng.uniform(0.5, 1.2)
        while at < span / 2 - 0.8:
            spot = root.at(0, 0, 0, yaw=i * math.pi / 2).at(
                at + 0.5, 0, out - rng.uniform(0.4, 0.6)
            )
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
        _piece(spot, palette, BIG[int(rng.integers(4))](spot, palette))
    for _ in range(int(rng.integers(0, 5))):
        spot = root.at(rng.uniform(-0.4, 0.4) * width, 0, rng.uniform(-0.4, 0.4) * length)
        THINGS[int(rng.integers(len(THINGS)))](spot.at(0, 0, 0, yaw=rng.uniform(0, 6.28)), palette)
    target = (
        rng.uniform(-0.5, 0.5) * width,
        rng.uniform(0.2, 1.7),
        rng.uniform(-0.5, 0.5) * length,
    )
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


def _obstacles(solids: Solids) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres and radii of what the camera must not be in: everything but the shell."""
    radius = np.linalg.norm(solids.half, axis=1)
    return solids.centre[solids.casts_shadow], radius[solids.casts_shadow]


def _eye(
    rng: np.random.Generator,
    target: Point,
    distance: float,
    size: Point,
    obstacles: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """A camera position in the room, about so far from the target, and not inside of anything."""
    width, height, length = size
    centres, radii = obstacles
    best, best_gap = np.array([0.0, height * 0.6, 0.0]), -np.inf
    for _ in range(40):
        angle, lift = rng.uniform(0, 2 * math.pi), rng.uniform(-0.25, 0.95)
        flat = distance * math.cos(lift)
        eye = np.array(
            [
                target[0] + flat * math.sin(angle),
                target[1] + distance * math.sin(lift),
                target[2] + flat * math.cos(angle),
            ]
        )
        eye = _inside(eye, size)
        gap = float(np.min(np.linalg.norm(centres - eye, axis=1) - radii)) if len(radii) else 1.0
        if gap > best_gap:
            best, best_gap = eye, gap
        if gap > min(0.3, 0.3 * distance):
            break
    return best


def _poses(
    rng: np.random.Generator, eye: NDArray[np.float64], target: Point, distance: float, size: Point
) -> tuple[Pose, Pose]:
    """Towards the target, and a small movement of the hand later."""
    d = np.array(target) - eye
    yaw = math.atan2(d[0], d[2]) + rng.normal(0, 0.15)
    pitch = math.atan2(d[1], math.hypot(d[0], d[2])) + rng.normal(0, 0.12)
    pitch = min(max(pitch, -1.1), 0.6)
    roll = rng.normal(0, 0.08)
    pose = Pose(rotation=look(yaw_rad=yaw, pitch_rad=pitch, roll_rad=roll), position=eye)
    if rng.random() < 0.15:  # a stereo pair
        right = pose.rotation[0]
        shift = right * rng.choice([-1, 1]) * rng.uniform(0.02, 0.09) * distance
        return pose, Pose(rotation=pose.rotation, position=_inside(eye + shift, size))
    turn = rng.normal(0, 0.025, size=3) * (rng.random() < 0.9)
    shift = rng.normal(0, 0.02, size=3) * distance
    rotation = look(yaw_rad=yaw + turn[0], pitch_rad=pitch + turn[1], roll_rad=roll + 0.6 * turn[2])
    return pose, Pose(rotation=rotation, position=_inside(eye + shift, size))


def _inside(eye: NDArray[np.float64], size: Point) -> NDArray[np.float64]:
    """The nearest point that keeps 0.2 m from the walls."""
    width, height, length = size
    low = np.array([-width / 2 + 0.2, 0.3, -length / 2 + 0.2])
    return np.clip(eye, low, [width / 2 - 0.2, height - 0.2, length / 2 - 0.2])
