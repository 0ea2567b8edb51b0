"""Trees, hedges and shrubs. Built around the origin on the ground."""

import math
from dataclasses import replace

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.palette import Palette


def tree(group: Group, palette: Palette, *, height_m: float, bare: bool) -> None:
    """A trunk, some branches, and a crown of ellipsoids cut into leaves or twigs."""
    rng = palette.rng
    group = group.at(0, 0, 0, label="tree")
    tone = rng.uniform(0.2, 0.45)
    bark = palette.tinted(
        "bark", (tone, tone * 0.85, tone * 0.7), contrast=0.7, period_m=(0.6, 1.2)
    )
    stem = height_m * rng.uniform(0.2, 0.4)
    thick = height_m * rng.uniform(0.022, 0.05)
    width = height_m * rng.uniform(0.45, 0.8)
    foliage, layer = _foliage(palette, bare=bare)
    if rng.random() < 0.12 and not bare:  # a conifer
        for i in range(3):
            y, w = stem * 0.5 + (height_m - stem * 0.5) * (i + 0.5) / 3, width * (0.75 - 0.22 * i)
            group.ball((0, y, 0), (w, height_m * 0.42, w), foliage, holes=layer, hole_period_m=2.0)
        group.cone((0, height_m / 2, 0), (thick, height_m, thick), bark, taper=0.8)
        return
    group.cone((0, stem * 0.75, 0), (thick, stem * 1.5, thick), bark, taper=0.35)
    period = rng.uniform(1.2, 2.6)
    for _ in range(int(rng.integers(5, 11))):
        angle, out = rng.uniform(0, 2 * math.pi), rng.uniform(0.0, 0.38) * width
        y = stem + (height_m - stem) * rng.uniform(0.2, 0.85)
        size = width * rng.uniform(0.3, 0.65)
        centre = (out * math.sin(angle), y, out * math.cos(angle))
        across = (size, min(size * rng.uniform(0.7, 1.1), 2 * (height_m - y) + size * 0.3), size)
        turn = (rng.uniform(0, 6.28), rng.uniform(-0.3, 0.3), 0.0)
        group.ball(centre, across, foliage, holes=layer, hole_period_m=period, turn=turn)
        if bare or rng.random() < 0.4:
            group.rod(
                (0, stem * rng.uniform(0.7, 1.3), 0), centre, thick * rng.uniform(0.25, 0.5), bark
            )
    if bare:
        for _ in range(int(rng.integers(3, 7))):
            angle, out = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.5) * width
            end = (out * math.sin(angle), height_m * rng.uniform(0.7, 1.0), out * math.cos(angle))
            group.rod(
                (0, stem * rng.uniform(0.8, 1.4), 0), end, thick * rng.uniform(0.15, 0.35), bark
            )


def hedge(group: Group, palette: Palette, *, length_m: float, height_m: float) -> None:
    """A row of shrubs along x: a solid core with ragged balls."""
    rng = palette.rng
    group = group.at(0, 0, 0, label="tree")
    foliage, layer = _foliage(palette, bare=False)
    red, green, blue = foliage.gain
    core = replace(foliage, gain=(0.7 * red, 0.7 * green, 0.7 * blue))
    wide = rng.uniform(0.6, 1.4)
    group.box((0, height_m * 0.46, 0), (length_m, height_m * 0.92, wide), core)
    step = max(height_m * 0.9, 1.2)
    for i in range(int(length_m / step) + 1):
        x = -length_m / 2 + i * step + rng.uniform(-0.3, 0.3)
        size = height_m * rng.uniform(0.8, 1.2)
        group.ball(
            (x, height_m * 0.55, 0),
            (step * 1.5, size, wide * 1.4),
            foliage,
            holes=layer,
            hole_period_m=1.2,
        )


def _foliage(palette: Palette, *, bare: bool) -> tuple[Material, int]:
    layer = palette.layer("twigs" if bare else "leaves")
    gain = palette.rng.uniform(0.55, 1.15)
    warm = palette.rng.uniform(0.85, 1.2)
    period = palette.rng.uniform(1.2, 2.6)
    return Material(layer=layer, gain=(gain * warm, gain, gain), period_m=(period, period)), layer
