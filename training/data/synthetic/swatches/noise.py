"""Random fields that repeat without a seam, and small helpers to draw on them.

Axes: rows and cols of a swatch, SIDE each.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from training.data.synthetic.atlas import SIDE
from training.data.synthetic.number import Number

Field = NDArray[np.float32]
"""(SIDE, SIDE) or (SIDE, SIDE, 3), mostly in [0, 1]."""


def fractal(
    rng: np.random.Generator, *, roughness: Number, stretch: tuple[Number, Number] = (1.0, 1.0)
) -> Field:
    """Noise whose amplitude falls as frequency ** -roughness; mean 0.5, deviation 0.2.

    Args:
        roughness: 0 is white, 1 gravel, 2 clouds.
        stretch: how much longer features are along (rows, cols).
    """
    field = _base(round(roughness * 5) / 5, stretch)
    down, right = rng.integers(SIDE, size=2)
    field = np.roll(field, (int(down), int(right)), axis=(0, 1))
    return field[::-1].copy() if rng.random() < 0.5 else field


@cache
def _base(roughness: Number, stretch: tuple[Number, Number]) -> Field:
    """One fractal of each kind; to shift and mirror it costs far less than a new one."""
    rng = np.random.default_rng([round(roughness * 10), *(round(100 * s) for s in stretch)])
    fy = np.fft.fftfreq(SIDE)[:, None] * SIDE * stretch[0]
    fx = np.fft.rfftfreq(SIDE)[None] * SIDE * stretch[1]
    radius = np.maximum(np.hypot(fy, fx), 1.0)
    white = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
    white[0, 0] = 0.0
    field = np.fft.irfft2(white / radius**roughness, s=(SIDE, SIDE))
    normal: Field = (0.5 + 0.2 * field / (field.std() + 1e-9)).astype(np.float32)
    return normal


def cells(rng: np.random.Generator, rows: int, cols: int, spread: Number) -> Field:
    """One random value per cell of a rows x cols grid, 0.5 +- spread."""
    values = 0.5 + spread * (rng.random((rows, cols), dtype=np.float32) * 2 - 1)
    y = np.arange(SIDE) * rows // SIDE
    x = np.arange(SIDE) * cols // SIDE
    return values[y][:, x]


def mixed(share: Field, low: tuple[Number, ...], high: tuple[Number, ...]) -> Field:
    """Colours from `low` where share is 0 to `high` where it is 1."""
    a, b = np.asarray(low, dtype=np.float32), np.asarray(high, dtype=np.float32)
    return a + (b - a) * np.clip(share, 0, 1)[..., None]


def fill(
    field: Field, box: tuple[Number, Number, Number, Number], value: tuple[Number, ...] | Number
) -> None:
    """Set a rectangle (top, left, bottom, right), in shares of the side."""
    top, left, bottom, right = (round(edge * SIDE) for edge in box)
    field[max(top, 0) : bottom, max(left, 0) : right] = value


def to_bytes(field: Field, alpha: Field | None = None) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3 or 4) uint8; grey fields become three equal channels."""
    colour = np.repeat(field[..., None], 3, axis=2) if field.ndim == 2 else field
    if alpha is not None:
        colour = np.concatenate([colour, alpha[..., None]], axis=2)
    return np.round(np.clip(colour, 0, 1) * 255).astype(np.uint8)


def grid_xy() -> tuple[Field, Field]:
    """x and y of texel centres in [0, 1)."""
    line = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    return np.broadcast_to(line, (SIDE, SIDE)), np.broadcast_to(line[:, None], (SIDE, SIDE))


def colour_of(
    rng: np.random.Generator, *, value: tuple[Number, Number], saturation: Number
) -> tuple[float, float, float]:
    """A random colour: brightness in a range; saturation 0 is grey, 1 lively."""
    v = rng.uniform(*value)
    hue = rng.normal(size=3)
    hue = hue - hue.mean()
    c = np.clip(v * (1 + 0.5 * saturation * rng.random() * hue), 0.01, 1.0)
    return float(c[0]), float(c[1]), float(c[2])
