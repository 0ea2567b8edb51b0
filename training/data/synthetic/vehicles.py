"""Cars, vans and buses. Built around the origin on the ground, facing z."""

import math

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of

GLASS_SHINE = 0.08
PAINT_SHINE = 0.06


def car(group: Group, palette: Palette) -> float:
    """A hatchback, saloon or estate car; returns its length in metres."""
    rng = palette.rng
    length, width = rng.uniform(3.5, 4.9), rng.uniform(1.62, 1.85)
    height = rng.uniform(1.38, 1.72)
    group = group.at(0, 0, 0, label="car")
    paint, glass, dark = _paint(palette), _glass(palette), _rubber(palette)
    belt, sill = height * rng.uniform(0.56, 0.63), rng.uniform(0.2, 0.3)
    hood = belt - rng.uniform(0.03, 0.14)
    roof = height - belt
    front = length * rng.uniform(0.02, 0.1)  # where the roof begins and ends
    back = -length * (rng.uniform(0.3, 0.42) if rng.random() < 0.5 else rng.uniform(0.16, 0.26))
    group.box((0, (hood + sill) / 2, 0), (width, hood - sill, length * 0.96), paint)
    round_end = (width * 0.99, (hood - sill) * 1.1, length * 0.34)
    for end in (-1, 1):
        group.ball((0, (hood + sill) / 2, end * length * 0.325), round_end, paint)
    shoulder = front - back + 1.2 * roof
    middle = (front + back) / 2
    group.box((0, (belt + sill) / 2, middle), (width * 0.985, belt - sill, shoulder), paint)
    group.box((0, belt + roof / 2 - 0.02, middle), (width * 0.84, roof, front - back), glass)
    # Boxes on their edge make slanting panes; their lower halves are inside of the body.
    pane = roof * 1.38
    slant = (0.0, math.pi / 4, 0.0)
    group.box((0, belt - 0.02, front), (width * 0.83, pane, pane), glass, turn=slant)
    hatch = pane if back > -0.28 * length else pane * rng.uniform(0.3, 0.6)
    group.box((0, belt - 0.02, back), (width * 0.83, hatch, hatch), glass, turn=slant)
    group.box((0, height - 0.05, middle), (width * 0.8, 0.1, front - back + 0.1), paint)
    for side in (-1, 1):
        x = side * width * 0.42
        for z in (front, middle, back):
            group.box((x, belt + roof / 2 - 0.03, z), (0.03, roof, 0.07), paint)
        bottom, top = (x, belt - 0.05, front + roof), (x * 0.97, height - 0.06, front)
        group.rod(bottom, top, 0.07, paint)
        group.ball((side * width * 0.53, belt + 0.06, front + 0.6 * roof), (0.18, 0.14, 0.1), paint)
    _wheels(
        group, width=width, base=length * 0.31, radius=height * 0.21, rubber=dark, palette=palette
    )
    _lamps(group, palette, width=width, height=(hood + sill) / 2 + 0.1, end=length / 2)
    _under(group, palette, width, length)
    return float(length)


def van(group: Group, palette: Palette) -> float:
    """A delivery van, lorry or bus: one tall box with glass; returns its length in metres."""
    rng = palette.rng
    is_bus = rng.random() < 0.35
    length = rng.uniform(7.5, 11.0) if is_bus else rng.uniform(4.6, 6.8)
    width = rng.uniform(2.3, 2.5) if is_bus else rng.uniform(1.85, 2.2)
    height = rng.uniform(2.8, 4.0) if is_bus else rng.uniform(1.95, 2.7)
    group = group.at(0, 0, 0, label="car")
    paint, glass = _paint(palette), _glass(palette)
    sill = rng.uniform(0.25, 0.4)
    nose = 0.0 if is_bus else rng.uniform(0.0, 0.9)
    box = length - nose
    side = palette.picture() if is_bus and rng.random() < 0.3 else paint
    group.box(
        (0, (height + sill) / 2, -nose / 2),
        (width, height - sill, box),
        side,
        top=paint,
        front=paint,
    )
    if nose > 0.3:
        group.box((0, sill + 0.4, box / 2), (width * 0.97, 0.8, nose), paint)
    row = height * (0.42 if is_bus else 0.62)
    band = rng.uniform(0.7, 1.0) if is_bus else rng.uniform(0.5, 0.7)
    reach = length * 0.92 if is_bus else length * 0.25
    middle = 0.0 if is_bus else box / 2 - nose / 2 - reach / 2 - 0.1
    for level in (row, row + 1.7) if is_bus and height > 3.4 else (row,):
        group.box((0, level + band / 2, middle), (width + 0.02, band, reach), glass)
        for end in (-1, 1):
            z = -nose / 2 + end * box / 2
            group.box((0, level + band / 2, z), (width * 0.86, band, 0.04), glass)
    _wheels(
        group,
        width=width,
        base=length * 0.3,
        radius=rng.uniform(0.32, 0.48),
        rubber=_rubber(palette),
        palette=palette,
    )
    _lamps(group, palette, width=width, height=sill + 0.4, end=length / 2)
    _under(group, palette, width, length)
    return float(length)


def _paint(palette: Palette) -> Material:
    rng = palette.rng
    if rng.random() < 0.6:
        grey = float(rng.choice([0.06, 0.1, 0.3, 0.5, 0.62, 0.8, 0.88])) * rng.uniform(0.9, 1.1)
        colour = (grey, grey, grey * rng.uniform(1.0, 1.08))
    else:
        colour = colour_of(rng, value=(0.12, 0.6), saturation=0.9)
    return palette.tinted(
        "plaster", colour, contrast=0.08, specular=PAINT_SHINE, gloss=40.0, period_m=(2.0, 2.0)
    )


def _glass(palette: Palette) -> Material:
    tone = palette.rng.uniform(0.05, 0.17)
    return palette.tinted(
        "clouds",
        (tone, tone * 1.05, tone * 1.1),
        contrast=0.7,
        specular=GLASS_SHINE,
        gloss=60.0,
        period_m=(3.0, 2.0),
        offset=(float(palette.rng.random()), float(palette.rng.random())),
    )


def _rubber(palette: Palette) -> Material:
    return palette.plain((0.08, 0.08, 0.085))


def _wheels(
    group: Group, *, width: float, base: float, radius: float, rubber: Material, palette: Palette
) -> None:
    tone = palette.rng.uniform(0.2, 0.55)
    hub = palette.plain((tone, tone, tone), specular=0.1)
    for side in (-1, 1):
        for end in (-1, 1):
            x, z = side * (width / 2 - 0.09), end * base
            across = (2 * radius, 0.2, 2 * radius)
            group.cone((x, radius, z), across, rubber, turn=(0, 0, math.pi / 2))
            rim = (1.3 * radius, 0.03, 1.3 * radius)
            group.cone((x + side * 0.1, radius, z), rim, hub, turn=(0, 0, math.pi / 2))


def _lamps(group: Group, palette: Palette, *, width: float, height: float, end: float) -> None:
    on = palette.rng.random() < 0.3
    white = palette.plain((0.85, 0.85, 0.8), emission=1.5 if on else 0.0, specular=0.2)
    red = palette.plain((0.6, 0.04, 0.04), emission=0.8 if on else 0.0, specular=0.1)
    yellow = palette.plain((0.85, 0.75, 0.15))
    dark = palette.plain((0.09, 0.09, 0.09))
    for side in (-1, 1):
        group.box((side * width * 0.38, height, end * 0.985), (width * 0.18, 0.13, 0.06), white)
        group.box((side * width * 0.41, height, -end * 0.985), (width * 0.13, 0.2, 0.06), red)
    plate = (0.52, 0.11, 0.03)
    group.box((0, height - 0.22, end), plate, palette.plain((0.85, 0.85, 0.85)))
    group.box((0, height - 0.12, -end), plate, yellow)
    group.box((0, height - 0.28, end * 0.97), (width * 0.9, 0.16, 0.12), dark)
    group.box((0, height - 0.34, -end * 0.97), (width * 0.9, 0.14, 0.12), dark)


def _under(group: Group, palette: Palette, width: float, length: float) -> None:
    """The dark of the road below a car, which no sun direction explains."""
    shade = palette.tinted("asphalt", (0.1, 0.1, 0.1), contrast=0.3)
    below = group.at(0, 0.012, 0, label="road", shadow=False)
    below.quad(
        (0, 0, 0), (width * 1.04, length * 0.96), shade, turn=(0, math.pi / 2, 0), is_round=False
    )
