"""Furniture from boxes and cylinders. Built around the origin on the floor; its front faces -z.

Each function returns the places where things can stand: (x, y, z, reach) in metres.
"""

import math
from collections.abc import Callable

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of

Place = tuple[float, float, float, float]


def surface(palette: Palette) -> Material:
    """What furniture is made of: wood, veneer, lacquer."""
    rng = palette.rng
    shine = float(rng.choice([0.0, 0.02, 0.05]))
    if rng.random() < 0.6:
        period = float(rng.uniform(0.5, 1.2))
        return palette.natural("wood", period_m=(period, period), specular=shine)
    if rng.random() < 0.5:
        light = rng.uniform(0.7, 0.95)
        return palette.plain((light, light, light * 0.97), specular=shine)
    return palette.plain(colour_of(rng, value=(0.05, 0.8), saturation=0.7), specular=shine)


def cloth(palette: Palette) -> Material:
    """What seats are covered with."""
    rng = palette.rng
    if rng.random() < 0.5:
        return palette.natural("cloth", period_m=(float(rng.uniform(0.2, 1.0)),) * 2)
    return palette.tinted(
        "gravel", colour_of(rng, value=(0.08, 0.85), saturation=0.7), contrast=0.35
    )


def table(group: Group, palette: Palette) -> list[Place]:
    """A table or a desk, with legs, side panels or drawers."""
    rng = palette.rng
    w, d, h = rng.uniform(0.8, 2.0), rng.uniform(0.6, 1.0), rng.uniform(0.68, 0.78)
    if rng.random() < 0.2:
        h = rng.uniform(0.35, 0.5)
    top, leg = surface(palette), surface(palette)
    if rng.random() < 0.15:
        w = d = rng.uniform(0.6, 1.2)
        group.cone((0, h - 0.015, 0), (w, 0.03, w), top)
        group.cone((0, h / 2, 0), (0.08, h, 0.08), leg)
        group.cone((0, 0.02, 0), (w * 0.5, 0.04, w * 0.5), leg)
    else:
        group.box((0, h - 0.015, 0), (w, 0.03, d), top)
        if rng.random() < 0.35:
            group.box((-w * 0.36, h / 2, 0), (w * 0.24, h - 0.04, d * 0.9), leg)
            group.box((w * 0.47, h / 2, 0), (0.03, h - 0.04, d * 0.9), leg)
        else:
            for x in (-1, 1):
                for z in (-1, 1):
                    group.box(
                        (x * (w / 2 - 0.05), h / 2, z * (d / 2 - 0.05)), (0.05, h - 0.02, 0.05), leg
                    )
            group.box((0, h - 0.07, d / 2 - 0.06), (w * 0.9, 0.08, 0.02), leg)
    return [
        (x * w * 0.3 + rng.normal(0, 0.05), h, z * d * 0.25 + rng.normal(0, 0.04), 0.2)
        for x in (-1.1, -0.4, 0.4, 1.1)
        for z in (-1, 1)
    ]


def chair(group: Group, palette: Palette) -> list[Place]:
    """A wooden chair or an office chair."""
    rng = palette.rng
    seat, back = rng.uniform(0.42, 0.48), rng.uniform(0.8, 1.05)
    w = rng.uniform(0.4, 0.5)
    if rng.random() < 0.4:
        cover, metal = cloth(palette), palette.plain((0.1, 0.1, 0.1), specular=0.1)
        group.box((0, seat, 0), (w, 0.07, w), cover)
        group.box(
            (0, (seat + back) / 2 + 0.1, w / 2),
            (w * 0.9, back - seat - 0.1, 0.06),
            cover,
            turn=(0, 0.12, 0),
        )
        group.cone((0, seat / 2, 0), (0.05, seat, 0.05), metal)
        for i in range(5):
            angle = i * 2 * math.pi / 5
            group.rod(
                (0, 0.1, 0), (0.3 * math.sin(angle), 0.05, 0.3 * math.cos(angle)), 0.04, metal
            )
        return []
    wood = surface(palette)
    group.box((0, seat - 0.02, 0), (w, 0.04, w), wood)
    for x in (-1, 1):
        group.box((x * (w / 2 - 0.02), seat / 2, -w / 2 + 0.02), (0.04, seat, 0.04), wood)
        group.box((x * (w / 2 - 0.02), back / 2, w / 2 - 0.02), (0.04, back, 0.04), wood)
    for i in range(int(rng.integers(1, 5))):
        group.box((0, back - 0.05 - 0.11 * i, w / 2 - 0.02), (w * 0.92, 0.06, 0.02), wood)
    return []


def shelf(group: Group, palette: Palette) -> list[Place]:
    """Shelves, some of them full of books."""
    rng = palette.rng
    w, d, h = rng.uniform(0.6, 1.6), rng.uniform(0.25, 0.4), rng.uniform(0.7, 2.1)
    wood = surface(palette)
    for x in (-1, 1):
        group.box((x * w / 2, h / 2, 0), (0.025, h, d), wood)
    group.box((0, h / 2, d / 2), (w, h, 0.015), wood)
    levels = max(2, round(h / rng.uniform(0.3, 0.42)))
    places: list[Place] = []
    for i in range(levels + 1):
        y = 0.04 + (h - 0.04) * i / levels
        group.box((0, y, 0), (w, 0.025, d), wood)
        if i < levels and rng.random() < 0.55:
            tall, wide = h / levels * rng.uniform(0.6, 0.9), w * rng.uniform(0.4, 0.95)
            books = palette.natural("books", period_m=(0.6, tall))
            group.box(
                ((wide - w) / 2 * rng.random(), y + tall / 2, 0.02), (wide, tall, d * 0.7), books
            )
        elif i == levels or rng.random() < 0.6:
            places.append((rng.uniform(-0.3, 0.3) * w, y + 0.013, 0.0, d / 2))
    return places


def cupboard(group: Group, palette: Palette) -> list[Place]:
    """A cupboard, a chest of drawers or a kitchen block: fronts with gaps and handles."""
    rng = palette.rng
    w, d = rng.uniform(0.5, 2.4), rng.uniform(0.4, 0.6)
    h = rng.uniform(0.7, 2.2) if rng.random() < 0.5 else rng.uniform(0.75, 0.95)
    body, metal = surface(palette), palette.plain((0.5, 0.5, 0.5), specular=0.3)
    front = surface(palette) if rng.random() < 0.5 else body
    group.box((0, h / 2, 0), (w, h, d), body)
    group.box((0, h + 0.015, 0), (w + 0.03, 0.03, d + 0.03), surface(palette))
    cols, rows = max(1, round(w / rng.uniform(0.4, 0.7))), int(rng.choice([1, 1, 2, 3, 4]))
    for i in range(cols):
        for j in range(rows):
            x, y = ((i + 0.5) / cols - 0.5) * w, 0.06 + (h - 0.08) * (j + 0.5) / rows
            group.box((x, y, -d / 2), (w / cols - 0.012, (h - 0.08) / rows - 0.012, 0.03), front)
            group.box((x, y + 0.3 * h / rows, -d / 2 - 0.03), (0.12, 0.015, 0.03), metal)
    return [(x * w, h + 0.03, 0.0, d / 2) for x in (-0.35, 0.0, 0.35)]


def sofa(group: Group, palette: Palette) -> list[Place]:
    """A sofa or an armchair with cushions."""
    rng = palette.rng
    seats = int(rng.integers(1, 4))
    w, d = 0.35 + 0.62 * seats, rng.uniform(0.8, 0.95)
    cover = cloth(palette)
    group.box((0, 0.2, 0), (w, 0.28, d), cover)
    group.box((0, 0.5, d / 2 - 0.1), (w, 0.7, 0.2), cover, turn=(0, 0.1, 0))
    for x in (-1, 1):
        group.box((x * (w / 2 - 0.08), 0.32, 0), (0.16, 0.52, d), cover)
    for i in range(seats):
        middle = ((i + 0.5) / seats - 0.5) * (w - 0.34)
        group.box((middle, 0.4, -0.05), ((w - 0.36) / seats, 0.13, d * 0.75), cover)
        if rng.random() < 0.6:
            group.ball(
                (middle + rng.normal(0, 0.1), 0.62, 0.18),
                (0.46, 0.42, 0.18),
                cloth(palette),
                turn=(0, 0.35, rng.uniform(-0.6, 0.6)),
            )
    return [(0.0, 0.47, -0.1, 0.2)]


def bed(group: Group, palette: Palette) -> list[Place]:
    """A bed with blanket and pillows."""
    rng = palette.rng
    w = rng.uniform(0.9, 1.7)
    frame, sheet = surface(palette), cloth(palette)
    group.box((0, 0.18, 0), (w + 0.06, 0.2, 2.06), frame)
    group.box((0, 0.4, 0), (w, 0.24, 2.0), palette.plain((0.85, 0.84, 0.8)))
    group.box((0, 0.44, -0.25), (w + 0.03, 0.2, 1.5), sheet)
    group.box((0, 0.5, 1.05), (w + 0.06, 0.8, 0.05), frame)
    for x in (-1, 1) if w > 1.3 else (0,):
        group.ball((x * w / 4, 0.56, 0.75), (0.6, 0.18, 0.4), cloth(palette))
    return [(0.0, 0.54, -0.2, 0.3)]


def floor_lamp(group: Group, palette: Palette) -> list[Place]:
    """A standing lamp."""
    rng = palette.rng
    h = rng.uniform(1.3, 1.8)
    metal = palette.plain(colour_of(rng, value=(0.1, 0.7), saturation=0.1), specular=0.2)
    group.cone((0, 0.015, 0), (0.3, 0.03, 0.3), metal)
    group.cone((0, h / 2, 0), (0.025, h, 0.025), metal)
    tone = rng.uniform(0.7, 0.95)
    shade = palette.plain(
        (tone, tone * 0.9, tone * 0.75), emission=float(rng.choice([0.2, 1.0, 2.0]))
    )
    group.cone((0, h, 0), (0.4, 0.3, 0.4), shade, taper=rng.uniform(0.1, 0.5))
    return []


BIG: tuple[Callable[[Group, Palette], list[Place]], ...] = (
    table,
    table,
    chair,
    chair,
    shelf,
    cupboard,
    cupboard,
    sofa,
    bed,
    floor_lamp,
)
"""What a room is filled with, by how often."""
