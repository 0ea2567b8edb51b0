"""Things that lie and stand on tables, shelves and floors. Built around the origin, facing -z."""

import math
from collections.abc import Callable

from training.data.synthetic.assembly import Group
from training.data.synthetic.devices import keyboard, laptop, phone
from training.data.synthetic.material import Material
from training.data.synthetic.palette import Palette
from training.data.synthetic.plastic import lively_colour, plastic


def book(group: Group, palette: Palette) -> None:
    """One to four lying books or magazines."""
    rng = palette.rng
    y = 0.0
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        h = rng.uniform(0.006, 0.045)
        cover = (
            palette.picture()
            if rng.random() < 0.5
            else palette.natural("poster", period_m=(0.0, 0.0))
        )
        size = (rng.uniform(0.14, 0.24), h, rng.uniform(0.18, 0.3))
        group.box(
            (0, y + h / 2, 0),
            size,
            palette.plain((0.8, 0.78, 0.72)),
            top=cover,
            turn=(rng.normal(0, 0.25), 0, 0),
        )
        y += h


def paper(group: Group, palette: Palette) -> None:
    """A sheet or two."""
    for i in range(int(palette.rng.integers(1, 4))):
        page = palette.natural("paper", period_m=(0.0, 0.0))
        place = (palette.rng.normal(0, 0.06), 0.002 + 0.002 * i, palette.rng.normal(0, 0.06))
        group.box(place, (0.21, 0.002, 0.297), page, turn=(palette.rng.normal(0, 0.4), 0, 0))


def cup(group: Group, palette: Palette) -> None:
    """A mug with a handle, dark inside."""
    rng = palette.rng
    h, d = rng.uniform(0.07, 0.12), rng.uniform(0.065, 0.095)
    body = palette.picture() if rng.random() < 0.15 else plastic(palette)
    group.cone((0, h / 2, 0), (d, h, d), body, taper=rng.uniform(-0.15, 0.1))
    group.quad(
        (0, h + 0.001, 0),
        (d * 0.88, d * 0.88),
        palette.plain((0.12, 0.07, 0.05)),
        turn=(0, math.pi / 2, 0),
        is_round=True,
    )
    for a, b in (
        ((d * 0.4, h * 0.75, 0), (d * 0.85, h * 0.65, 0)),
        ((d * 0.85, h * 0.68, 0), (d * 0.8, h * 0.3, 0)),
        ((d * 0.8, h * 0.32, 0), (d * 0.4, h * 0.2, 0)),
    ):
        group.rod(a, b, 0.014, body)


def can(group: Group, palette: Palette) -> None:
    """A can or jar with a printed label."""
    rng = palette.rng
    h, d = rng.uniform(0.08, 0.2), rng.uniform(0.055, 0.12)
    label = palette.natural("poster", period_m=(h * 1.5, h), specular=0.05)
    group.cone((0, h / 2, 0), (d, h, d), label, top=palette.plain((0.6, 0.6, 0.6), specular=0.2))


def bottle(group: Group, palette: Palette) -> None:
    """A bottle: body, shoulder, neck, cap."""
    rng = palette.rng
    h, d = rng.uniform(0.18, 0.32), rng.uniform(0.055, 0.09)
    glass = palette.plain(lively_colour(palette, 0.05, 0.7), specular=0.15, gloss=60.0)
    group.cone((0, h * 0.32, 0), (d, h * 0.64, d), glass)
    group.ball((0, h * 0.64, 0), (d, h * 0.24, d), glass)
    group.cone((0, h * 0.85, 0), (d * 0.36, h * 0.3, d * 0.36), glass)
    group.cone(
        (0, h * 0.3, 0),
        (d * 1.02, h * 0.3, d * 1.02),
        palette.natural("poster", period_m=(0.15, 0.1)),
    )


def carton(group: Group, palette: Palette) -> None:
    """A package or a box."""
    rng = palette.rng
    w, h, d = rng.uniform(0.06, 0.35, size=3)
    kind = rng.random()
    if kind < 0.3:
        side = palette.tinted("plaster", (0.62, 0.48, 0.33), contrast=0.25)
        front = side
    elif kind < 0.7:
        side, front = plastic(palette), palette.natural("poster", period_m=(0.0, 0.0))
    else:
        side, front = palette.natural("cloth", period_m=(0.3, 0.3)), palette.picture()
    group.box((0, h / 2, 0), (w, h, d), side, front=front)


def ball(group: Group, palette: Palette) -> None:
    """A ball, a fruit, or a vase-like body."""
    rng = palette.rng
    d = rng.uniform(0.06, 0.26)
    if rng.random() < 0.4:
        skin = palette.natural(
            str(rng.choice(["checks", "cloth", "poster"])), period_m=(d, d), specular=0.03
        )
    else:
        skin = plastic(palette)
    h = d * rng.uniform(0.7, 1.3)
    group.ball((0, h / 2, 0), (d, h, d), skin)


def cone(group: Group, palette: Palette) -> None:
    """A cone or a tapered pot, standing or upside down."""
    rng = palette.rng
    h, d = rng.uniform(0.12, 0.4), rng.uniform(0.1, 0.3)
    name = str(rng.choice(["plaster", "cloth", "poster", "corrugated"]))
    skin = palette.tinted(name, lively_colour(palette), contrast=0.5, period_m=(0.4, 0.4))
    group.cone((0, h / 2, 0), (d, h, d), skin, taper=rng.uniform(-0.4, 1.0))


def lamp(group: Group, palette: Palette) -> None:
    """A table or desk lamp with its shade."""
    rng = palette.rng
    h = rng.uniform(0.3, 0.55)
    metal = palette.plain(lively_colour(palette, 0.1, 0.8), specular=0.12)
    group.cone((0, 0.012, 0), (0.16, 0.024, 0.16), metal)
    group.cone((0, h / 2, 0), (0.02, h, 0.02), metal)
    tone = rng.uniform(0.6, 0.95)
    shade = palette.plain(
        (tone, tone * 0.93, tone * 0.8), emission=float(rng.choice([0.0, 0.8, 1.6]))
    )
    group.cone((0, h, 0), (0.26, 0.2, 0.26), shade, taper=rng.uniform(0.1, 0.5))


def plant(group: Group, palette: Palette) -> None:
    """A plant in a pot."""
    rng = palette.rng
    size = rng.uniform(0.7, 2.2)
    clay = palette.tinted(
        "plaster", (0.55, 0.3, 0.2) if rng.random() < 0.5 else lively_colour(palette), contrast=0.3
    )
    d, h = 0.16 * size, 0.15 * size
    group.cone((0, h / 2, 0), (d, h, d), clay, taper=-0.25)
    green = rng.uniform(0.2, 0.45)
    blade = palette.tinted("grass", (green * 0.6, green, green * 0.35), contrast=0.6)
    if rng.random() < 0.4:
        layer = palette.layer("leaves")
        crown = Material(layer=layer, gain=(0.8, 0.9, 0.8), period_m=(0.4 * size, 0.4 * size))
        for _ in range(4):
            place = (
                rng.normal(0, 0.06) * size,
                h + rng.uniform(0.06, 0.2) * size,
                rng.normal(0, 0.06) * size,
            )
            group.ball(
                place,
                [v * 0.24 * size for v in (1, 1, 1)],
                crown,
                holes=layer,
                hole_period_m=0.4 * size,
            )
        return
    for _ in range(int(rng.integers(6, 14))):
        angle, out, up = (
            rng.uniform(0, 2 * math.pi),
            rng.uniform(0.05, 0.25),
            rng.uniform(0.12, 0.4),
        )
        tip = (out * size * math.sin(angle), h + up * size, out * size * math.cos(angle))
        group.rod((0, h, 0), tip, 0.008 * size, blade)
        group.ball(
            tip,
            (0.04 * size, 0.012 * size, 0.13 * size),
            blade,
            turn=(angle, rng.uniform(-0.3, 0.6), 0),
        )


def pens(group: Group, palette: Palette) -> None:
    """Pens lying about, a roll of tape."""
    rng = palette.rng
    for _ in range(int(rng.integers(1, 4))):
        x, z, angle = rng.normal(0, 0.08), rng.normal(0, 0.08), rng.uniform(0, 3.14)
        dx, dz = 0.07 * math.sin(angle), 0.07 * math.cos(angle)
        group.rod((x - dx, 0.005, z - dz), (x + dx, 0.005, z + dz), 0.01, plastic(palette))
    if rng.random() < 0.5:
        group.cone((0.1, 0.025, 0), (0.11, 0.05, 0.11), plastic(palette))


THINGS: tuple[Callable[[Group, Palette], None], ...] = (
    book,
    paper,
    cup,
    can,
    bottle,
    carton,
    ball,
    cone,
    lamp,
    plant,
    phone,
    pens,
    keyboard,
    laptop,
)
"""All of it except monitors, which come with a desk."""
