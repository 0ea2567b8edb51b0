"""People on foot and on bicycles. Built around the origin on the ground, facing z."""

import math

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of


def pedestrian(group: Group, palette: Palette) -> None:
    """Someone standing or in mid-step."""
    rng = palette.rng
    h = rng.uniform(1.5, 1.9) if rng.random() < 0.9 else rng.uniform(1.0, 1.4)
    group = group.at(0, 0, 0, label="pedestrian")
    trousers, coat, skin, hair = _clothes(palette)
    stride = rng.uniform(-0.25, 0.25)
    hip, shoulder = 0.5 * h, 0.82 * h
    for side in (-1, 1):
        step = side * stride * h * 0.5
        foot = (side * 0.06 * h, 0.03 * h, step)
        group.rod((side * 0.05 * h, hip, 0), foot, 0.085 * h, trousers)
        group.ball((foot[0], 0.02 * h, step + 0.04 * h), (0.06 * h, 0.05 * h, 0.15 * h), hair)
        hand = (side * 0.16 * h, 0.46 * h, -step * 0.8 + 0.02 * h)
        group.rod((side * 0.125 * h, shoulder - 0.02 * h, 0), hand, 0.055 * h, coat)
        group.ball(hand, (0.05 * h, 0.07 * h, 0.05 * h), skin)
    reach = rng.uniform(0.36, 0.5) * h
    group.ball((0, shoulder - reach / 2, 0), (0.27 * h, reach * 1.15, 0.18 * h), coat)
    group.cone((0, hip + 0.1 * h, 0), (0.22 * h, 0.3 * h, 0.16 * h), coat, taper=-0.1)
    _head(group, h, skin, hair, 0.0)
    if rng.random() < 0.3:
        group.box(
            (0.2 * h, 0.36 * h, 0),
            (0.06, 0.3, 0.28),
            palette.plain(colour_of(rng, value=(0.1, 0.8), saturation=0.8)),
        )


def bicyclist(group: Group, palette: Palette) -> None:
    """A rider on a bicycle."""
    rng = palette.rng
    h = rng.uniform(1.5, 1.9)
    group = group.at(0, 0, 0, label="bicyclist")
    trousers, coat, skin, hair = _clothes(palette)
    metal = palette.plain(colour_of(rng, value=(0.05, 0.7), saturation=0.9), specular=0.08)
    r, base = 0.34, 0.52
    holes = palette.layer("wheel")
    tyre = Material(layer=holes, period_m=(2 * r, 2 * r))
    for z in (-base, base):
        across = (2 * r, 2 * r)
        group.quad(
            (0, r, z),
            across,
            tyre,
            turn=(math.pi / 2, 0, 0),
            is_round=True,
            holes=holes,
            hole_period_m=across,
        )
    saddle, pedals, steer = (0, 0.92, -0.2), (0, 0.3, -0.02), (0, 0.98, 0.38)
    for a, b in (
        (saddle, pedals),
        (pedals, (0, 0.85, 0.36)),
        (saddle, (0, 0.85, 0.36)),
        ((0, r, -base), pedals),
        ((0, r, -base), saddle),
        (steer, (0, r, base)),
    ):
        group.rod(a, b, 0.045, metal)
    group.rod((-0.26, 1.0, 0.36), (0.26, 1.0, 0.36), 0.035, metal)
    hip, shoulder = (0.0, 0.98, -0.18), (0.0, 0.98 + 0.3 * h, 0.08)
    turn = math.atan2(shoulder[2] - hip[2], shoulder[1] - hip[1])
    middle = [(a + b) / 2 for a, b in zip(hip, shoulder, strict=True)]
    group.ball(middle, (0.24 * h, 0.42 * h, 0.17 * h), coat, turn=(0, turn, 0))
    phase = rng.uniform(0, 2 * math.pi)
    for side in (-1, 1):
        foot = (
            side * 0.1,
            0.3 + side * 0.14 * math.sin(phase),
            -0.02 + side * 0.14 * math.cos(phase),
        )
        knee = (side * 0.11, (hip[1] + foot[1]) / 2 + 0.06, (hip[2] + foot[2]) / 2 + 0.26)
        group.rod((side * 0.09, hip[1], hip[2]), knee, 0.14, trousers)
        group.rod(knee, foot, 0.1, trousers)
        group.ball(foot, (0.08, 0.07, 0.24), hair)
        group.rod(
            (side * 0.2, shoulder[1] - 0.06, shoulder[2]), (side * 0.24, 1.02, 0.36), 0.08, coat
        )
    _head(group, h, skin, hair, shoulder[2] + 0.06, base_m=shoulder[1] + 0.04 * h)


def _head(
    group: Group, h: float, skin: Material, hair: Material, z: float, *, base_m: float | None = None
) -> None:
    y = (0.84 * h if base_m is None else base_m) + 0.08 * h
    group.ball((0, y, z), (0.09 * h, 0.135 * h, 0.11 * h), skin)
    group.ball((0, y + 0.02 * h, z - 0.012 * h), (0.1 * h, 0.12 * h, 0.115 * h), hair)
    group.rod((0, y - 0.1 * h, z), (0, y - 0.03 * h, z), 0.055 * h, skin)


def _clothes(palette: Palette) -> tuple[Material, Material, Material, Material]:
    rng = palette.rng
    trousers = palette.tinted(
        "gravel", colour_of(rng, value=(0.05, 0.45), saturation=0.5), contrast=0.3
    )
    if rng.random() < 0.4:
        coat = palette.natural("cloth", period_m=(0.5, 0.5))
    else:
        coat = palette.tinted(
            "gravel", colour_of(rng, value=(0.05, 0.85), saturation=0.8), contrast=0.3
        )
    tone = rng.uniform(0.35, 0.85)
    skin = palette.plain((tone, tone * 0.78, tone * 0.65))
    hair = palette.plain((rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.25), 0.06))
    return trousers, coat, skin, hair
