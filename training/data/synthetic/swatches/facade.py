"""Fronts of houses: rows of windows, and shops at street level."""

import numpy as np

from training.data.synthetic.number import Number
from training.data.synthetic.swatches.masonry import bricks, plaster
from training.data.synthetic.swatches.noise import (
    Field,
    colour_of,
    fill,
    fractal,
    grid_xy,
    mixed,
)


def storeys(rng: np.random.Generator) -> Field:
    """A piece of wall with 2 x 2 windows or more, in its own colour."""
    rows, cols = int(rng.choice([1, 2, 3])), int(rng.choice([2, 3, 4]))
    if rng.random() < 0.45:
        wall = bricks(rng)
    else:
        base = colour_of(rng, value=(0.35, 0.95), saturation=0.2)
        wall = mixed(plaster(rng), tuple(0.75 * c for c in base), tuple(1.1 * c for c in base))
    height, width = rng.uniform(0.4, 0.75), rng.uniform(0.3, 0.7)
    frame = colour_of(rng, value=(0.15, 0.95), saturation=0.1)
    band = rng.random() < 0.4
    sill = rng.random() < 0.6
    panes = int(rng.choice([1, 2, 2, 3]))
    for row in range(rows):
        if band:
            edge = row / rows
            fill(wall, (edge, 0, edge + 0.025, 1), rng.uniform(0.3, 0.9))
        for col in range(cols):
            top = (row + 0.5 - height / 2) / rows
            left = (col + 0.5 - width / 2) / cols
            box = (top, left, top + height / rows, left + width / cols)
            _window(rng, wall, box, frame, panes)
            if sill:
                under = (box[2], left - 0.01, box[2] + 0.02, box[3] + 0.01)
                fill(wall, under, rng.uniform(0.5, 0.9))
    return wall


def glass_front(rng: np.random.Generator) -> Field:
    """An office front: bands or a grid of glass."""
    x, y = grid_xy()
    rows, cols = int(rng.choice([2, 3, 4])), int(rng.choice([3, 4, 6, 8]))
    glass = _glass(rng)
    post = rng.uniform(0.05, 0.2)
    beam = rng.uniform(0.06, 0.5)
    solid = ((x * cols) % 1 < post) | ((y * rows) % 1 < beam)
    base = colour_of(rng, value=(0.2, 0.85), saturation=0.15)
    wall = mixed(plaster(rng), tuple(0.8 * c for c in base), tuple(1.1 * c for c in base))
    tone = rng.uniform(0.7, 1.2, size=(rows, cols))[(y * rows).astype(int), (x * cols).astype(int)]
    return np.where(solid[..., None], wall, glass * tone[..., None]).astype(np.float32)


def shop(rng: np.random.Generator) -> Field:
    """Street level: sign board, panes with things behind them, a door, a plinth."""
    base = colour_of(rng, value=(0.05, 0.8), saturation=0.5)
    front = mixed(plaster(rng), tuple(0.7 * c for c in base), tuple(1.2 * c for c in base))
    board = colour_of(rng, value=(0.1, 0.9), saturation=0.8)
    fill(front, (0.03, 0.02, 0.2, 0.98), board)
    ink = tuple(1 - c for c in board)
    left = rng.uniform(0.1, 0.4)
    for _ in range(int(rng.integers(4, 12))):
        width = rng.uniform(0.01, 0.04)
        fill(front, (0.07, left, 0.16, left + width), ink)
        left += width + rng.uniform(0.008, 0.02)
    frame = colour_of(rng, value=(0.05, 0.9), saturation=0.3)
    panes = int(rng.choice([2, 3, 4]))
    door = int(rng.integers(panes))
    for pane in range(panes):
        left, right = (pane + 0.06) / panes, (pane + 0.94) / panes
        bottom = 0.99 if pane == door else rng.uniform(0.8, 0.93)
        _window(rng, front, (0.25, left, bottom, right), frame, 1)
        for _ in range(int(rng.integers(0, 7))):
            top, x = rng.uniform(0.35, 0.75), rng.uniform(left, right - 0.04)
            thing = colour_of(rng, value=(0.1, 0.8), saturation=0.8)
            size = rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.08)
            fill(front, (top, x, min(top + size[0], bottom - 0.02), x + size[1]), thing)
    return front


def door(rng: np.random.Generator) -> Field:
    """A door with panels, a handle and a frame."""
    base = colour_of(rng, value=(0.2, 0.95), saturation=0.3)
    leaf = mixed(
        fractal(rng, roughness=1.2, stretch=(1.0, 0.1)), tuple(0.85 * c for c in base), base
    )
    fill(leaf, (0, 0, 1, 0.05), tuple(0.6 * c for c in base))
    fill(leaf, (0, 0.95, 1, 1), tuple(0.6 * c for c in base))
    fill(leaf, (0, 0, 0.03, 1), tuple(0.6 * c for c in base))
    for row in range(int(rng.integers(0, 4))):
        for col in range(2):
            top, left = 0.1 + row * 0.3, 0.15 + col * 0.38
            fill(leaf, (top, left, top + 0.24, left + 0.32), tuple(0.8 * c for c in base))
    fill(leaf, (0.5, 0.85, 0.52, 0.92), (0.7, 0.7, 0.65))
    return leaf


def window(rng: np.random.Generator) -> Field:
    """One window seen from inside: bright, with a frame, a blind or a curtain."""
    light = rng.uniform(0.75, 1.0)
    sky = mixed(fractal(rng, roughness=2.0), (light * 0.8,) * 3, (light, light, light))
    _, y = grid_xy()
    low = fractal(rng, roughness=1.8) * 0.3 + y
    sky = np.where(
        (low > rng.uniform(0.6, 1.1))[..., None], sky * rng.uniform(0.3, 0.8, size=3), sky
    ).astype(np.float32)
    blind = rng.uniform(0, 0.6)
    if rng.random() < 0.5:
        slats = 0.7 + 0.25 * np.sin(y * rng.uniform(80, 200))
        sky = np.where((y < blind)[..., None], slats[..., None], sky).astype(np.float32)
    frame = rng.uniform(0.3, 0.95)
    panes = int(rng.choice([1, 2, 3]))
    for pane in range(panes + 1):
        fill(sky, (0, pane / panes - 0.025, 1, pane / panes + 0.025), frame)
    for edge in (0.0, 1.0, rng.uniform(0.2, 0.8)):
        fill(sky, (edge - 0.025, 0, edge + 0.025, 1), frame)
    return sky


def _window(
    rng: np.random.Generator,
    wall: Field,
    box: tuple[Number, Number, Number, Number],
    frame: tuple[float, float, float],
    panes: int,
) -> None:
    top, left, bottom, right = box
    border = 0.012
    fill(wall, (top - border, left - border, bottom + border, right + border), frame)
    dark = rng.uniform(0.04, 0.45)
    blue = rng.uniform(0.9, 1.25)
    for pane in range(panes):
        a = left + (right - left) * pane / panes + (border * 0.6 if pane else 0)
        b = left + (right - left) * (pane + 1) / panes
        middle = top + (bottom - top) * rng.uniform(0.3, 0.7)
        tone = dark * rng.uniform(0.8, 1.2)
        fill(wall, (top, a, bottom, b), (tone, tone * 1.05, tone * blue))
        light = min(tone * rng.uniform(1.0, 1.8) + 0.03, 1.0)  # what the glass mirrors
        fill(wall, (top, a, middle, b), (light, light * 1.03, min(light * blue, 1.0)))


def _glass(rng: np.random.Generator) -> Field:
    dark = rng.uniform(0.05, 0.3)
    return mixed(
        fractal(rng, roughness=1.8, stretch=(1.0, 1.0)),
        (dark, dark * 1.1, dark * 1.2),
        (dark + 0.3, dark + 0.35, dark + 0.4),
    )
