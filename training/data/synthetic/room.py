"""The shell of a room: floor, walls, ceiling, and what is fixed to them.

The room is centred on the origin: x and z from -half to +half, y from 0 up.
"""

import math

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of

UP = math.pi / 2


def build_room(
    group: Group, palette: Palette, *, width_m: float, length_m: float, height_m: float
) -> None:
    """Floor, ceiling and four walls with skirting, pictures, doors, windows, pipes."""
    rng = palette.rng
    shell = group.at(0, 0, 0, shadow=False)
    shell.quad((0, 0, 0), (width_m, length_m), _floor(palette), turn=(0, UP, 0))
    tone = rng.uniform(0.7, 0.95)
    name = "slabs" if rng.random() < 0.25 else "plaster"
    ceiling = palette.tinted(name, (tone, tone, tone * 0.97), contrast=0.07, period_m=(2.4, 2.4))
    shell.quad((0, height_m, 0), (width_m, length_m), ceiling, turn=(0, UP, 0))
    same = _wall(palette)
    white = palette.plain((0.85, 0.85, 0.83))
    skirting = rng.random() < 0.7
    for i in range(4):
        span, out = (width_m, length_m / 2) if i % 2 == 0 else (length_m, width_m / 2)
        material = same if rng.random() < 0.75 else _wall(palette)
        # In a wall's frame z points out of the room, so what hangs on it sits at negative z.
        frame = shell.at(0, 0, 0, yaw=i * UP).at(0, 0, out)
        frame.quad((0, height_m / 2, 0), (span, height_m), material)
        if skirting:
            frame.box((0, 0.05, -0.01), (span, 0.1, 0.02), white)
        _hang(frame, palette, span=span, height=height_m)


def _hang(frame: Group, palette: Palette, *, span: float, height: float) -> None:
    rng = palette.rng
    at = -span / 2 + rng.uniform(0.2, 0.8)
    while at < span / 2 - 0.5:
        kind = rng.random()
        room = span / 2 - at
        if kind < 0.13 and room > 1.2:
            door = palette.natural("door", period_m=(0.0, 0.0))
            frame.box((at + 0.5, 1.02, 0), (0.95, 2.04, 0.06), door)
            at += 1.1
        elif kind < 0.33 and room > 1.0:
            w, h = min(rng.uniform(0.8, 2.4), room - 0.1), rng.uniform(0.9, 1.5)
            glass = palette.natural(
                "window", period_m=(0.0, 0.0), emission=float(rng.uniform(0.1, 1.0))
            )
            y = min(rng.uniform(1.3, 1.7), height - h / 2 - 0.05)
            frame.quad((at + w / 2, y, -0.02), (w, h), glass)
            sill = palette.plain((0.85, 0.85, 0.85))
            frame.box((at + w / 2, y - h / 2, -0.06), (w + 0.1, 0.04, 0.16), sill)
            if rng.random() < 0.5:
                heater = palette.tinted(
                    "corrugated", (0.85, 0.85, 0.85), contrast=0.3, period_m=(0.8, 0.8)
                )
                frame.box((at + w / 2, 0.4, -0.06), (w * 0.8, 0.5, 0.1), heater)
            at += w + 0.1
        elif kind < 0.75 and room > 0.5:
            w, h = min(rng.uniform(0.25, 1.3), room - 0.1), rng.uniform(0.3, 1.0)
            y = min(rng.uniform(1.2, 1.8), height - h / 2 - 0.05)
            edge = palette.plain(colour_of(rng, value=(0.05, 0.9), saturation=0.3))
            framed = rng.random() < 0.6
            if framed:
                frame.box((at + w / 2, y, -0.015), (w + 0.07, h + 0.07, 0.03), edge)
            frame.quad((at + w / 2, y, -0.034 if framed else -0.004), (w, h), palette.picture())
            at += w
        at += rng.uniform(0.1, 1.0)
    if rng.random() < 0.3:
        grey = palette.plain((0.7, 0.7, 0.7))
        frame.cone((rng.uniform(-0.45, 0.45) * span, height / 2, -0.04), (0.06, height, 0.06), grey)


def _wall(palette: Palette) -> Material:
    rng = palette.rng
    kind = rng.random()
    if kind < 0.68:
        if rng.random() < 0.8:
            tone = rng.uniform(0.6, 0.95)
            colour = (tone, tone * rng.uniform(0.93, 1.0), tone * rng.uniform(0.82, 1.0))
        else:
            colour = colour_of(rng, value=(0.3, 0.85), saturation=0.5)
        period = float(rng.uniform(1.5, 4.0))
        return palette.tinted(
            "plaster",
            colour,
            contrast=float(rng.uniform(0.03, 0.16)),
            period_m=(period, period),
            detail=float(rng.uniform(0.0, 0.12)),
            detail_layer=palette.layer("gravel"),
            detail_period_m=0.5,
        )
    if kind < 0.78:
        return palette.natural("bricks", period_m=(1.0, 1.0))
    if kind < 0.88:
        return palette.natural("cloth", period_m=(0.9, 0.9))  # wallpaper
    if kind < 0.95:
        return palette.natural("checks", period_m=(0.8, 0.8), specular=0.04)
    return palette.natural("wood", period_m=(1.5, 1.5))


def _floor(palette: Palette) -> Material:
    rng = palette.rng
    kind = rng.random()
    if kind < 0.4:
        period = float(rng.uniform(0.8, 1.6))
        return palette.natural(
            "wood", period_m=(period, period), specular=float(rng.uniform(0.0, 0.06))
        )
    if kind < 0.6:
        return palette.natural("cloth", period_m=(float(rng.uniform(0.5, 2.0)),) * 2)
    if kind < 0.8:
        colour = colour_of(rng, value=(0.15, 0.7), saturation=0.3)
        return palette.tinted("gravel", colour, contrast=0.45, period_m=(1.0, 1.0))
    name = "checks" if rng.random() < 0.5 else "slabs"
    return palette.natural(name, period_m=(1.6, 1.6), specular=float(rng.uniform(0.0, 0.06)))
