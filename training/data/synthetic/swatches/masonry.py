"""Walls and floors: plaster, brick, stone, paving, tiles, asphalt, roofs."""

import numpy as np

from training.data.synthetic.atlas import SIDE
from training.data.synthetic.swatches.noise import (
    Field,
    cells,
    colour_of,
    fractal,
    grid_xy,
    mixed,
)


def plaster(rng: np.random.Generator) -> Field:
    """Grey around one half, to be tinted: stains and streaks."""
    streaks = fractal(rng, roughness=1.3, stretch=(1.0, 0.25))
    blotches = fractal(rng, roughness=rng.uniform(1.2, 2.0))
    fine = fractal(rng, roughness=0.4)
    field: Field = np.clip(0.35 * streaks + 0.45 * blotches + 0.2 * fine, 0, 1).astype(np.float32)
    return field


def gravel(rng: np.random.Generator) -> Field:
    """Grey grain around one half: asphalt, concrete, carpet, bark."""
    coarse = fractal(rng, roughness=rng.uniform(0.8, 1.6))
    fine = fractal(rng, roughness=rng.uniform(0.0, 0.5))
    return (0.5 * coarse + 0.5 * fine).astype(np.float32)


def asphalt(rng: np.random.Generator) -> Field:
    """Dark road with worn tracks, cracks and patches, brightness around one half."""
    field = 0.5 + 0.5 * (fractal(rng, roughness=1.5) - 0.5) + 0.35 * (gravel(rng) - 0.5)
    veins = np.abs(fractal(rng, roughness=1.7) - 0.5)
    field -= 0.25 * np.clip(1 - veins / 0.012, 0, 1) * (rng.random() < 0.6)
    return field.astype(np.float32)


def bricks(rng: np.random.Generator) -> Field:
    """Courses of bricks or stones with mortar, in their own colour."""
    rows = int(rng.choice([8, 12, 16, 20]))
    cols = max(2, rows // int(rng.choice([2, 3, 4])))
    mortar = rng.uniform(0.04, 0.14)
    x, y = grid_xy()
    row = np.floor(y * rows)
    shifted = x * cols + 0.5 * (row % 2)
    column = np.floor(shifted) % cols
    value = rng.random((rows, cols), dtype=np.float32)[row.astype(int), column.astype(int)]
    fx, fy = shifted - np.floor(shifted), y * rows - row
    joint = (fy < mortar) | (fx < mortar * cols / rows)
    base = colour_of(rng, value=(0.25, 0.75), saturation=0.15)
    warm = (base[0] * 1.15, base[1] * 0.85, base[2] * rng.uniform(0.5, 0.85))
    share = 0.5 + 0.6 * (value - 0.5) + 0.4 * (gravel(rng) - 0.5)
    face = mixed(share, tuple(0.6 * c for c in warm), tuple(min(1.25 * c, 1.0) for c in warm))
    grey = rng.uniform(0.35, 0.75)
    return np.where(joint[..., None], grey * (0.8 + 0.4 * gravel(rng)[..., None]), face)


def slabs(rng: np.random.Generator) -> Field:
    """Paving slabs or tiles in a plain grid, grey around one half."""
    rows, cols = int(rng.choice([2, 4, 6, 8])), int(rng.choice([2, 4, 6, 8]))
    x, y = grid_xy()
    joint = rng.uniform(0.015, 0.05)
    fx, fy = (x * cols) % 1, (y * rows) % 1
    lines = (fx < joint * cols / 4) | (fy < joint * rows / 4)
    field = cells(rng, rows, cols, rng.uniform(0.02, 0.12)) + 0.3 * (gravel(rng) - 0.5)
    return np.where(lines, rng.uniform(0.15, 0.4), field).astype(np.float32)


def checks(rng: np.random.Generator) -> Field:
    """Kitchen tiles in two colours."""
    side = int(rng.choice([2, 4, 8]))
    x, y = grid_xy()
    odd = ((np.floor(x * side) + np.floor(y * side)) % 2).astype(np.float32)
    a = colour_of(rng, value=(0.5, 0.95), saturation=0.2)
    b = colour_of(rng, value=(0.1, 0.9), saturation=0.4)
    joint = ((x * side) % 1 < 0.03) | ((y * side) % 1 < 0.03)
    face = mixed(odd, a, b) * (0.9 + 0.2 * plaster(rng)[..., None])
    return np.where(joint[..., None], np.float32(rng.uniform(0.3, 0.8)), face)


def roof(rng: np.random.Generator) -> Field:
    """Rows of roof tiles or slates."""
    rows, cols = int(rng.choice([10, 16, 24])), int(rng.choice([10, 16, 24]))
    _, y = grid_xy()
    shade = (y * rows) % 1
    base = colour_of(rng, value=(0.2, 0.45), saturation=0.2)
    warm = (base[0] * rng.uniform(1.0, 1.5), base[1], base[2] * 0.9)
    share = 0.5 * shade + 0.5 * cells(rng, rows, cols, 0.5) + 0.4 * (gravel(rng) - 0.5)
    return mixed(share, tuple(0.5 * c for c in warm), tuple(1.2 * c for c in warm))


def corrugated(rng: np.random.Generator) -> Field:
    """Ribs: shutters, containers, radiators, blinds. Grey around one half."""
    count = int(rng.choice([8, 12, 16, 24, 32]))
    line = np.arange(SIDE) * count / SIDE * 2 * np.pi
    wave = 0.5 + 0.35 * np.sin(line) * rng.uniform(0.4, 1.0)
    field = np.broadcast_to(wave[:, None] if rng.random() < 0.5 else wave[None], (SIDE, SIDE))
    return (field + 0.15 * (plaster(rng) - 0.5)).astype(np.float32)
