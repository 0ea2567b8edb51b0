"""A camera in the hand: where it is in a room, where it looks, how it moves to the next frame."""

import math

import numpy as np
from numpy.typing import NDArray

from training.data.synthetic.solids import Solids
from training.data.synthetic.view import look
from training.data.synthetic.world import Pose

Point = tuple[float, float, float]
"""x, y, z in metres."""


def stand(
    rng: np.random.Generator,
    target: Point,
    distance: float,
    size: Point,
    solids: Solids,
) -> NDArray[np.float64]:
    """A camera position in the room, about so far from the target, and not inside of anything."""
    width, height, length = size
    centres, radii = _obstacles(solids)
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


def hold(
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


def _obstacles(solids: Solids) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres and radii of what the camera must not be in: everything but the shell."""
    radius = np.linalg.norm(solids.half, axis=1)
    return solids.centre[solids.casts_shadow], radius[solids.casts_shadow]
