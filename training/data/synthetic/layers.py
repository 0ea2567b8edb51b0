"""A world of flat layers, back to front, each with an outline, a texture and a motion.

Five kinds: layers of their own motion over a moving background; the same, nearly still; a turning
and zooming camera; a car's drive between ground and walls; a stereo rig's horizontal shift.
"""

from dataclasses import dataclass

import numpy as np
import torch

from training.data.synthetic.homography import Homography, near_affine, plane_motion, tilted
from training.data.synthetic.outline import Outline, random_outline
from training.data.synthetic.texture import Photographs, Texture, make_texture

KINDS = {"free": 0.42, "camera": 0.13, "road": 0.2, "stereo": 0.13, "calm": 0.12}
REFERENCE_WIDTH = 416  # px; motion grows with the canvas


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A flat thing."""

    outline: Outline | None
    """None: everywhere."""
    texture: Texture
    motion: Homography


def build_layers(
    rng: np.random.Generator,
    canvas: tuple[int, int],
    photographs: Photographs,
    *,
    device: torch.device,
) -> list[Layer]:
    """A random world of a random kind."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    shapes = _SHAPES[kind](rng, canvas)
    return [
        Layer(
            outline=outline,
            texture=make_texture(rng, photographs, device=device),
            motion=motion,
        )
        for outline, motion in shapes
    ]


Shapes = list[tuple[Outline | None, Homography]]


def _free(rng: np.random.Generator, canvas: tuple[int, int], strength: float = 1.0) -> Shapes:
    height, width = canvas
    middle = (width / 2, height / 2)
    spread = 0.02 * strength
    background = near_affine(
        rng, middle, shift_px=_length(rng, width) * strength, turn_rad=spread, zoom=spread
    )
    if strength == 1.0 and rng.random() < 0.3:
        background = tilted(rng, background, width=width, spread=0.12)
    shapes: Shapes = [(None, background)]
    for outline in _outlines(rng, canvas):
        left, top, right, bottom = outline.box()
        own = near_affine(
            rng,
            ((left + right) / 2, (top + bottom) / 2),
            shift_px=_length(rng, width) * strength,
            turn_rad=0.08 * strength,
            zoom=0.06 * strength,
            shear=0.02,
        )
        shapes.append((outline, background @ own))
    return shapes


def _calm(rng: np.random.Generator, canvas: tuple[int, int]) -> Shapes:
    return _free(rng, canvas, strength=0.2)


def _camera(rng: np.random.Generator, canvas: tuple[int, int]) -> Shapes:
    height, width = canvas
    turn = near_affine(
        rng, (width / 2, height / 2), shift_px=_length(rng, width), turn_rad=0.06, zoom=0.06
    )
    turn = tilted(rng, turn, width=width, spread=0.15)
    shapes: Shapes = [(None, turn)]
    for outline in _outlines(rng, canvas):
        parallax = near_affine(
            rng, (0.0, 0.0), shift_px=0.3 * _length(rng, width), turn_rad=0.0, zoom=0.0
        )
        shapes.append((outline, turn @ parallax))
    return shapes


def _stereo(rng: np.random.Generator, canvas: tuple[int, int]) -> Shapes:
    width = canvas[1]

    def slanted(disparity_px: float) -> Homography:
        slope = rng.normal(0, 0.02), rng.normal(0, 0.03)
        return np.array([[1 + slope[0], slope[1], -disparity_px], [0, 1, 0], [0, 0, 1.0]])

    shapes: Shapes = [(None, slanted(_length(rng, width)))]
    shapes += [(o, slanted(1.5 * _length(rng, width))) for o in _outlines(rng, canvas)]
    return shapes


def _road(rng: np.random.Generator, canvas: tuple[int, int]) -> Shapes:
    height, width = canvas
    focal = width * rng.uniform(0.6, 1.3)
    x0, y0 = width / 2 + rng.normal(0, 0.06 * width), height * rng.uniform(0.35, 0.55)
    intrinsics = np.array([[focal, 0, x0], [0, focal, y0], [0, 0, 1.0]])
    a, b, c = rng.normal(0, [0.004, 0.01, 0.003])
    rotation = np.array([[1, -c, b], [c, 1, -a], [-b, a, 1.0]])  # small angles
    drive = -np.array([rng.normal(0, 0.05), rng.normal(0, 0.02), rng.uniform(0.1, 1.3)])
    camera_height_m = rng.uniform(1.2, 2.0)

    def plane(normal: tuple[float, float, float], distance_m: float) -> Homography:
        return plane_motion(intrinsics, rotation, drive, np.array(normal), distance_m)

    def project(x: float, y: float, z: float) -> list[float]:
        return [
            float(np.clip(v, -8 * width, 8 * width))
            for v in (x0 + focal * x / z, y0 + focal * y / z)
        ]

    far = plane_motion(intrinsics, rotation, np.zeros(3), np.array([0, 0, 1.0]), 1.0)
    ground = Outline(
        vertices=np.array(
            [[-width, y0 + 2], [2 * width, y0 + 2], [2 * width, 2 * height], [-width, 2 * height]]
        )
    )
    shapes: Shapes = [(None, far), (ground, plane((0.0, 1.0, 0.0), camera_height_m))]
    roof_m = rng.uniform(5, 25)
    for side in (-1.0, 1.0):
        wall_m = rng.uniform(2.5, 12)
        if rng.random() < 0.8:
            near, end = wall_m * focal / (1.5 * width), 60.0
            corners = [
                (camera_height_m, near),
                (-roof_m, near),
                (-roof_m, end),
                (camera_height_m, end),
            ]
            vertices = np.array([project(side * wall_m, y, z) for y, z in corners])
            shapes.append((Outline(vertices=vertices), plane((side, 0.0, 0.0), wall_m)))
    for outline in _outlines(rng, canvas):
        distance_m = rng.uniform(3, 40)
        own = drive + np.array([rng.normal(0, 0.2), 0, rng.normal(0, 0.6)])
        upright = np.array([0, 0, 1.0])
        shapes.append((outline, plane_motion(intrinsics, rotation, own, upright, distance_m)))
    return shapes


_SHAPES = {"free": _free, "calm": _calm, "camera": _camera, "stereo": _stereo, "road": _road}


def _outlines(rng: np.random.Generator, canvas: tuple[int, int]) -> list[Outline]:
    return [random_outline(rng, canvas) for _ in range(int(rng.integers(3, 16)))]


def _length(rng: np.random.Generator, width: int) -> float:
    """Px; most are small, one in fifty is ten times the median."""
    typical_px = 2.5 * width / REFERENCE_WIDTH
    return typical_px * min(float(np.exp(rng.normal(0, 1.2))), 14.0)
