"""The ground of a street: the line it follows, asphalt, markings, pavements, verges.

A place on a road is s, metres along its middle line from the camera on, and a, metres to the right.
"""

import math
from dataclasses import dataclass

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.number import Number
from training.data.synthetic.palette import Palette

KERB_M = 0.12
FAR_M = 900.0
UP = (0.0, math.pi / 2, 0.0)
"""Turns a quad so that it lies flat, its height along the road."""


@dataclass(frozen=True, kw_only=True)
class Road:
    """A straight road or an arc, its lanes and edges."""

    root: Group
    curvature: float
    """1 / radius in 1/m, positive to the right."""
    half_m: float
    """From the middle line to the kerb."""
    pavement_m: float
    left_hand: bool
    """Traffic keeps to the left."""

    def at(self, s: Number, a: Number, *, y: Number = 0.0, yaw: Number = 0.0) -> Group:
        """A frame on the road; z points along it."""
        heading = self.curvature * s
        if abs(self.curvature) < 1e-6:
            x, z = 0.0, s
        else:
            x = (1 - math.cos(heading)) / self.curvature
            z = math.sin(heading) / self.curvature
        x, z = x + a * math.cos(heading), z - a * math.sin(heading)
        return self.root.at(x, y, z, yaw=heading + yaw)

    def lot(self, s: Number, side: int, a: Number) -> Group:
        """A frame beside the road: z points away from it, x along it."""
        return self.at(s, side * a, yaw=side * math.pi / 2)

    @property
    def lane(self) -> float:
        """Offset of the middle of the lane that the camera drives in."""
        return (-0.5 if self.left_hand else 0.5) * self.half_m


def lay_ground(road: Road, palette: Palette) -> None:
    """The plane that everything stands on."""
    rng = palette.rng
    tone = rng.uniform(0.24, 0.48)
    ground = palette.tinted(
        "asphalt",
        (tone, tone * rng.uniform(0.97, 1.02), tone * rng.uniform(0.95, 1.06)),
        contrast=rng.uniform(0.15, 0.45),
        period_m=(rng.uniform(4.0, 12.0),) * 2,
        detail=rng.uniform(0.1, 0.5),
        detail_layer=palette.layer("gravel"),
        detail_period_m=rng.uniform(0.4, 1.2),
        specular=float(rng.choice([0.0, 0.0, 0.0, 0.02])),
    )
    flat = road.root.at(0, 0, 0, label="road", shadow=False)
    flat.quad((0, 0, 0), (2 * FAR_M, 2 * FAR_M), ground, turn=UP)
    for _ in range(int(rng.integers(0, 6))):  # repairs
        dim = rng.uniform(0.8, 1.15) * tone
        patch = palette.tinted("asphalt", (dim, dim, dim), contrast=0.3, period_m=(5.0, 5.0))
        spot = road.at(rng.uniform(3, 50), rng.uniform(-0.8, 0.8) * road.half_m)
        spot = spot.at(0, 0.004, 0, label="road", shadow=False)
        spot.quad((0, 0, 0), (rng.uniform(0.5, 3.0), rng.uniform(0.6, 8.0)), patch, turn=UP)
    for _ in range(int(rng.integers(0, 4))):  # manholes
        iron = palette.tinted("slabs", (0.25, 0.24, 0.23), contrast=0.6)
        spot = road.at(rng.uniform(3, 40), rng.uniform(-0.8, 0.8) * road.half_m)
        spot = spot.at(0, 0.006, 0, label="road", shadow=False)
        spot.quad((0, 0, 0), (0.7, 0.7), iron, turn=UP, is_round=True)


def paint_markings(road: Road, palette: Palette) -> None:
    """Middle line, edge lines, zebra crossing, arrows' blocks: thin quads above the asphalt."""
    rng = palette.rng
    tone = rng.uniform(0.55, 0.9)
    white = palette.tinted("asphalt", (tone, tone, tone), contrast=0.35, period_m=(2.0, 2.0))
    yellow = palette.tinted(
        "asphalt", (tone, tone * 0.8, tone * 0.25), contrast=0.35, period_m=(2.0, 2.0)
    )

    def stripe(s: Number, a: Number, length: float, width: float, material: Material) -> None:
        spot = road.at(s, a, y=0.008)
        spot.at(0, 0, 0, label="road", shadow=False).quad(
            (0, 0, 0), (width, length), material, turn=UP
        )

    dash, gap = rng.uniform(1.5, 4.5), rng.uniform(1.5, 7.0)
    width = rng.uniform(0.09, 0.17)
    if rng.random() < 0.75:
        s = -4.0 + rng.uniform(0, dash + gap)
        while s < 110:
            stripe(s, 0.0, dash, width, white)
            s += dash + gap
    edge = rng.random()
    step = 108.0 if abs(road.curvature) < 1e-6 else 6.0
    if edge < 0.6:
        lines = [(road.half_m - 0.25, white if edge < 0.3 else yellow)]
        if edge > 0.45:
            lines.append((road.half_m - 0.5, yellow))
        for a, material in lines:
            for side in (-1, 1):
                for i in range(int(108 / step)):
                    stripe(i * step - 5.0, side * a, step + 0.06, 0.09, material)
    if rng.random() < 0.3:
        s, bars = rng.uniform(5, 45), int(road.half_m * 2 / 1.1)
        for i in range(bars):
            stripe(s, (i + 0.5) * 1.1 - road.half_m, rng.uniform(2.4, 2.6), 0.55, white)
    if rng.random() < 0.3:
        s = rng.uniform(5, 40)
        stripe(s, road.lane, 0.35, road.half_m * 0.9, white)
    if rng.random() < 0.25:
        for i in range(3):
            stripe(
                rng.uniform(5, 30),
                road.lane + rng.uniform(-1, 1),
                rng.uniform(1, 3),
                0.3,
                white if i else yellow,
            )


def lay_pavement(road: Road, palette: Palette, side: int, first_m: float, last_m: float) -> None:
    """One stretch of raised pavement with its kerb stones, or a verge if the road has none."""
    slab, kerb = _paving(palette)
    step = last_m - first_m if abs(road.curvature) < 1e-6 else 5.0
    s = first_m
    while s < last_m - 0.05:
        length = min(step, last_m - s)
        lot = road.lot(s + length / 2, side, road.half_m)
        strip = lot.at(0, 0, 0, label="pavement")
        size = (length + 0.3 * (step < 6), KERB_M, road.pavement_m - 0.15)
        strip.box((0, KERB_M / 2, road.pavement_m / 2 + 0.075), size, slab)
        strip.box((0, KERB_M / 2, 0.075), (size[0], KERB_M, 0.15), kerb)
        s += length


def _paving(palette: Palette) -> tuple[Material, Material]:
    key = "paving"
    if key not in palette.kept:
        rng = palette.rng
        tone = rng.uniform(0.38, 0.68)
        kind = str(rng.choice(["slabs", "slabs", "asphalt", "bricks"]))
        colour = (tone, tone * rng.uniform(0.93, 1.0), tone * rng.uniform(0.82, 1.0))
        period = rng.uniform(1.2, 3.0)
        slab = palette.tinted(
            kind, colour, contrast=rng.uniform(0.3, 0.7), period_m=(period, period)
        )
        light = min(tone * rng.uniform(0.9, 1.4), 0.85)
        kerb = palette.tinted("gravel", (light, light, light * 0.97), contrast=0.3)
        palette.kept[key] = (slab, kerb)
    return palette.kept[key]
