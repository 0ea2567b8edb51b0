"""Plants and what has holes: leaves, twigs, grass, bark, railings, wire."""

import numpy as np

from training.data.synthetic.swatches.noise import Field, fractal, grid_xy, mixed


def leaves(rng: np.random.Generator) -> tuple[Field, Field]:
    """Foliage with gaps: colour and how solid it is."""
    lumps = fractal(rng, roughness=rng.uniform(1.0, 1.6))
    fine = fractal(rng, roughness=rng.uniform(0.3, 0.9))
    share: Field = (0.6 * fine + 0.4 * lumps).astype(np.float32)
    green = float(rng.uniform(0.25, 0.5))
    red = green * rng.uniform(0.6, 1.15)
    blue = green * rng.uniform(0.25, 0.6)
    colour = mixed(
        1.4 * share - np.float32(0.2),
        (red * 0.35, green * 0.35, blue * 0.4),
        (red * 1.5, green * 1.5, blue * 1.5),
    )
    body = 0.5 * fractal(rng, roughness=rng.uniform(0.7, 1.3)) + 0.5 * lumps
    return colour, (body > np.quantile(body, rng.uniform(0.25, 0.5))).astype(np.float32)


def twigs(rng: np.random.Generator) -> tuple[Field, Field]:
    """Bare branches in winter: thin strokes in many directions."""
    body = np.zeros_like(fractal(rng, roughness=1.0))
    for _ in range(3):
        veins = np.abs(fractal(rng, roughness=rng.uniform(1.0, 1.5)) - 0.5)
        body = np.maximum(body, (veins < rng.uniform(0.015, 0.035)).astype(np.float32))
    tone = rng.uniform(0.12, 0.3)
    colour = mixed(
        fractal(rng, roughness=0.8),
        (tone * 0.6, tone * 0.5, tone * 0.4),
        (tone * 1.4, tone * 1.3, tone * 1.1),
    )
    return colour, body


def grass(rng: np.random.Generator) -> Field:
    """Lawn, verge or hedge, in its own colour."""
    share: Field = (
        0.5 * fractal(rng, roughness=0.4, stretch=(0.5, 1.0)) + 0.5 * fractal(rng, roughness=1.4)
    ).astype(np.float32)
    green = rng.uniform(0.3, 0.55)
    red, blue = green * rng.uniform(0.65, 1.1), green * rng.uniform(0.3, 0.65)
    return mixed(
        1.5 * share - np.float32(0.25),
        (red * 0.5, green * 0.5, blue * 0.5),
        (red * 1.3, green * 1.3, blue * 1.3),
    )


def bark(rng: np.random.Generator) -> Field:
    """Furrows along the trunk, grey around one half."""
    return (
        0.7 * fractal(rng, roughness=0.9, stretch=(1.0, 0.15)) + 0.3 * fractal(rng, roughness=1.0)
    ).astype(np.float32)


def bars(rng: np.random.Generator) -> tuple[Field, Field]:
    """Railing: upright bars between rails. One repetition is the full height."""
    x, y = grid_xy()
    count = int(rng.choice([6, 8, 12]))
    thick = rng.uniform(0.12, 0.45)
    rails = (y < 0.07) | (y > 0.95) | ((np.abs(y - 0.85) < 0.03) & (rng.random() < 0.6))
    solid = ((x * count) % 1 < thick) | rails
    return 0.5 + 0.4 * (fractal(rng, roughness=1.3) - 0.5), solid.astype(np.float32)


def planks(rng: np.random.Generator) -> tuple[Field, Field]:
    """Wooden fence: boards with narrow gaps or none."""
    x, _ = grid_xy()
    count = int(rng.choice([6, 8, 10]))
    gap = rng.uniform(0.0, 0.2)
    board = rng.random(count)[(x * count).astype(int)]
    grain = fractal(rng, roughness=1.2, stretch=(1.0, 0.1))
    field = 0.5 + 0.3 * (board - 0.5) + 0.4 * (grain - 0.5)
    solid = (x * count) % 1 >= gap
    return field.astype(np.float32), solid.astype(np.float32)


def wire(rng: np.random.Generator) -> tuple[Field, Field]:
    """Chain link: thin diagonal wires."""
    x, y = grid_xy()
    count = int(rng.choice([6, 8, 10]))
    thin = rng.uniform(0.08, 0.16)
    a, b = ((x + y) * count) % 1, ((x - y) * count) % 1
    solid = (a < thin) | (b < thin) | (y < 0.03)
    return np.full_like(x, rng.uniform(0.4, 0.7)), solid.astype(np.float32)


def wheel(rng: np.random.Generator) -> tuple[Field, Field]:
    """A bicycle wheel: tyre, hub and spokes."""
    x, y = grid_xy()
    radius = np.hypot(x - 0.5, y - 0.5) * 2
    angle = np.arctan2(y - 0.5, x - 0.5) / (2 * np.pi) * int(rng.choice([12, 16, 20]))
    solid = (
        ((radius > 0.86) & (radius <= 1)) | (radius < 0.12) | ((angle % 1 < 0.12) & (radius < 1))
    )
    return np.where(radius > 0.88, 0.1, 0.5).astype(np.float32), solid.astype(np.float32)
