"""Buildings along a street.

The frame of a lot: x along the street, z away from it, its front at z = 0.
"""

import math

from training.data.synthetic.assembly import Group
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of


def building(group: Group, palette: Palette, *, width_m: float, height_m: float) -> None:
    """A house or a block: walls with windows, perhaps a shop below, a roof, bays and ledges."""
    rng = palette.rng
    group = group.at(0, 0, 0, label="building")
    depth = rng.uniform(8.0, 14.0)
    repeats = max(1, round(width_m / rng.uniform(4.5, 8.0)))
    period = (width_m / repeats, rng.uniform(4.5, 7.5))
    kind = "glass_front" if height_m > 9 and rng.random() < 0.25 else "storeys"
    wall = palette.natural(
        kind,
        period_m=period,
        dim=rng.uniform(0.6, 1.1),
        specular=0.02,
        detail=0.25,
        detail_layer=palette.layer("plaster"),
        detail_period_m=1.7,
    )
    front = palette.picture() if rng.random() < 0.12 and len(palette.photographs) > 0 else wall
    base = 0.0
    if rng.random() < 0.45:
        base = rng.uniform(2.9, 4.2)
        out = rng.uniform(0.05, 0.5)
        shops = max(1, round(width_m / rng.uniform(5.0, 9.0)))
        shop = palette.natural("shop", period_m=(width_m / shops, base), specular=0.03)
        group.box((0, base / 2, depth / 2), (width_m, base, depth + 2 * out), shop)
        if rng.random() < 0.35:  # an awning
            cover = palette.natural("cloth", period_m=(1.5, 1.5))
            group.box(
                (0, base - 0.5, -out - 0.6), (width_m * 0.9, 0.06, 1.4), cover, turn=(0, -0.35, 0)
            )
    else:
        door = palette.natural("door", period_m=(0.0, 0.0))
        group.box((rng.uniform(-0.4, 0.4) * width_m, 1.05, -0.02), (1.0, 2.1, 0.08), door)
    group.box(
        (0, (height_m + base) / 2, depth / 2), (width_m, height_m - base, depth), wall, front=front
    )
    ledge = palette.plain(colour_of(rng, value=(0.4, 0.9), saturation=0.15))
    if rng.random() < 0.5:
        group.box((0, height_m - 0.1, depth / 2), (width_m + 0.1, 0.3, depth + 0.5), ledge)
    if rng.random() < 0.3:
        group.box((0, height_m * 0.55, 0), (width_m, 0.15, 0.3), ledge)
    bays = int(rng.integers(1, 4)) if rng.random() < 0.3 else 0
    for i in range(bays):
        x = ((i + 0.5) / bays - 0.5) * width_m
        group.box(
            (x, base + (height_m - base) * 0.45, -0.3),
            (width_m / bays * 0.45, (height_m - base) * 0.8, 0.9),
            wall,
        )
    if height_m < 13 and rng.random() < 0.75:
        _roof(group, palette, width=width_m, depth=depth, height=height_m)


def _roof(group: Group, palette: Palette, *, width: float, depth: float, height: float) -> None:
    rng = palette.rng
    tiles = palette.natural("roof", period_m=(3.0, 3.0))
    if rng.random() < 0.7 or width > 10:  # ridge along the street: a beam on its edge
        side = depth / math.sqrt(2)
        group.box(
            (0, height - 0.35 * depth / 2, depth / 2),
            (width * 0.98, side, side),
            tiles,
            turn=(0, math.pi / 4, 0),
        )
    else:
        side = width / math.sqrt(2)
        group.box(
            (0, height - 0.05 * width, depth / 2),
            (side, side, depth * 1.02),
            tiles,
            turn=(0, 0, math.pi / 4),
        )
    brick = palette.natural("bricks", period_m=(1.5, 1.5))
    for _ in range(int(rng.integers(0, 3))):
        x = rng.uniform(-0.45, 0.45) * width
        group.box((x, height + 0.35 * depth * 0.6, depth / 2), (0.9, 2.2, 0.7), brick)


def wall(group: Group, palette: Palette, *, width_m: float, height_m: float) -> None:
    """A garden wall."""
    material = palette.natural("bricks", period_m=(2.2, 2.2))
    group.at(0, 0, 0, label="building").box(
        (0, height_m / 2, 0.15), (width_m, height_m, 0.3), material
    )
