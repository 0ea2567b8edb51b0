"""Printed and woven things: cloth, wood, posters, books, screens, paper, signs."""

import numpy as np

from training.data.synthetic.atlas import SIDE
from training.data.synthetic.swatches.noise import (
    Field,
    cells,
    colour_of,
    fill,
    fractal,
    grid_xy,
    mixed,
)


def cloth(rng: np.random.Generator) -> Field:
    """Weave with stripes or checks, in its own colour."""
    x, y = grid_xy()
    a = colour_of(rng, value=(0.1, 0.9), saturation=0.7)
    b = colour_of(rng, value=(0.1, 0.9), saturation=0.7)
    kind = rng.random()
    count = int(rng.choice([2, 4, 8, 16]))
    sharp = rng.uniform(2, 12)
    stripes = 0.5 + np.clip(sharp * np.sin(2 * np.pi * x * count), -0.5, 0.5)
    across = 0.5 + np.clip(sharp * np.sin(2 * np.pi * y * count), -0.5, 0.5)
    if kind < 0.35:
        share = stripes
    elif kind < 0.55:
        share = 0.5 * (stripes + across)
    else:
        share = fractal(rng, roughness=1.2) * rng.uniform(0.2, 1.5)
    weave = 0.9 + 0.2 * fractal(rng, roughness=0.2)
    return mixed(share, a, b) * weave[..., None]


def wood(rng: np.random.Generator) -> Field:
    """Grain along the rows, planks or one piece."""
    grain = fractal(rng, roughness=rng.uniform(0.9, 1.5), stretch=(1.0, 0.06))
    rings = 0.5 + 0.5 * np.sin(
        fractal(rng, roughness=2.0, stretch=(1.0, 0.15)) * rng.uniform(20, 60)
    )
    share = 0.6 * grain + 0.4 * rings
    light = rng.uniform(0.25, 0.85)
    base = (light, light * rng.uniform(0.65, 0.85), light * rng.uniform(0.35, 0.65))
    rows = int(rng.choice([1, 1, 4, 6, 8]))
    field = mixed(share, tuple(0.7 * c for c in base), tuple(min(1.1 * c, 1) for c in base))
    if rows > 1:
        field = field * (0.8 + 0.4 * cells(rng, rows, 1, 0.5)[..., None])
        _, y = grid_xy()
        field = np.where(((y * rows) % 1 < 0.03)[..., None], field * 0.5, field)
    return field.astype(np.float32)


def poster(rng: np.random.Generator) -> Field:
    """Shapes on a ground, lines of text: posters, covers, packages, pictures."""
    a = colour_of(rng, value=(0.1, 1.0), saturation=1.8)
    b = colour_of(rng, value=(0.1, 1.0), saturation=1.8)
    field = mixed(fractal(rng, roughness=rng.uniform(1.2, 2.2)), a, b)
    x, y = grid_xy()
    for _ in range(int(rng.integers(1, 9))):
        ink = colour_of(rng, value=(0.05, 1.0), saturation=1.8)
        cx, cy, rx, ry = rng.random(4) * (1, 1, 0.4, 0.4) + (0, 0, 0.03, 0.03)
        if rng.random() < 0.5:
            inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        else:
            inside = (np.abs(x - cx) < rx) & (np.abs(y - cy) < ry)
        field[inside] = ink
    if rng.random() < 0.7:
        _text(rng, field, ink=colour_of(rng, value=(0.0, 1.0), saturation=0.5))
    return field


def paper(rng: np.random.Generator) -> Field:
    """A printed page."""
    field = np.full((SIDE, SIDE, 3), rng.uniform(0.75, 0.97), dtype=np.float32)
    _text(rng, field, ink=(0.2, 0.2, 0.22))
    if rng.random() < 0.5:
        top, left = rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.5)
        fill(
            field,
            (top, left, top + 0.25, left + 0.4),
            colour_of(rng, value=(0.2, 0.8), saturation=0.8),
        )
    return field


def books(rng: np.random.Generator) -> Field:
    """A row of spines on a shelf."""
    field = np.full((SIDE, SIDE, 3), 0.06, dtype=np.float32)
    left = 0.0
    while left < 1.0:
        width = rng.uniform(0.02, 0.08)
        top = rng.uniform(0.0, 0.3)
        spine = colour_of(rng, value=(0.08, 0.9), saturation=1.5)
        fill(field, (top, left, 1.0, left + width), spine)
        fill(field, (top, left, 1.0, left + 0.006), tuple(0.4 * c for c in spine))
        mark = rng.uniform(top + 0.1, 0.8)
        fill(
            field,
            (mark, left + 0.01, mark + rng.uniform(0.03, 0.2), left + width - 0.008),
            colour_of(rng, value=(0.1, 1.0), saturation=0.4),
        )
        left += width
    return field


def screen(rng: np.random.Generator) -> Field:
    """A monitor: dark, or a desktop with windows."""
    if rng.random() < 0.4:
        tone = rng.uniform(0.02, 0.1)
        return mixed(fractal(rng, roughness=2.0), (tone,) * 3, (tone * 1.6,) * 3)
    field = mixed(
        fractal(rng, roughness=2.0),
        *(colour_of(rng, value=(0.1, 0.8), saturation=0.8) for _ in range(2)),
    )
    for _ in range(int(rng.integers(1, 4))):
        top, left = rng.uniform(0.0, 0.4), rng.uniform(0.0, 0.5)
        box = (top, left, top + rng.uniform(0.3, 0.55), left + rng.uniform(0.3, 0.5))
        fill(field, box, rng.uniform(0.8, 1.0))
        fill(field, (top, left, top + 0.03, box[3]), (0.2, 0.3, 0.6))
        line = top + 0.06
        while line < box[2] - 0.02:
            fill(
                field,
                (
                    line,
                    left + 0.02,
                    line + 0.012,
                    left + 0.02 + rng.uniform(0.05, box[3] - left - 0.04),
                ),
                0.3,
            )
            line += 0.03
    fill(field, (0.96, 0, 1, 1), 0.3)
    return field


def keyboard(rng: np.random.Generator) -> Field:
    """Rows of keys."""
    x, y = grid_xy()
    rows, cols = 5, 16
    gap = ((x * cols) % 1 < 0.14) | ((y * rows) % 1 < 0.16)
    base = rng.uniform(0.05, 0.85)
    key = base + 0.1 * cells(rng, rows, cols, 0.5) - 0.05
    return np.where(gap, base * 0.45, key).astype(np.float32)


def sign(rng: np.random.Generator) -> Field:
    """A face of a traffic sign or a direction board: border, ground, symbol."""
    border = [(0.8, 0.05, 0.06), (0.05, 0.15, 0.6), (0.9, 0.9, 0.9), (0.05, 0.35, 0.15)][
        int(rng.integers(4))
    ]
    ground = [(0.95, 0.95, 0.95), (0.1, 0.25, 0.7), (0.95, 0.75, 0.1), (0.1, 0.4, 0.2)][
        int(rng.integers(4))
    ]
    x, y = grid_xy()
    field = np.broadcast_to(np.array(border, dtype=np.float32), (SIDE, SIDE, 3)).copy()
    inner = (
        np.hypot(x - 0.5, y - 0.5) < 0.38
        if rng.random() < 0.5
        else np.maximum(abs(x - 0.5), abs(y - 0.5)) < 0.44
    )
    field[inner] = ground
    ink = 0.05 if sum(ground) > 1.6 else 0.95
    for _ in range(int(rng.integers(1, 5))):
        top, left = rng.uniform(0.25, 0.6), rng.uniform(0.25, 0.6)
        fill(field, (top, left, top + rng.uniform(0.04, 0.25), left + rng.uniform(0.04, 0.25)), ink)
    return field


def _text(rng: np.random.Generator, field: Field, *, ink: tuple[float, float, float]) -> None:
    line = rng.uniform(0.05, 0.5)
    height = rng.uniform(0.01, 0.05)
    while line < 0.95:
        left = 0.08
        stop = rng.uniform(0.5, 0.92)
        while left < stop:
            width = rng.uniform(0.6, 4.0) * height
            fill(field, (line, left, line + height, min(left + width, stop)), ink)
            left += width + 0.6 * height
        line += height * 2
        if rng.random() < 0.1:
            break
