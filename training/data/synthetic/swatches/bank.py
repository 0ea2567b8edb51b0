"""The bank: every drawn texture, made once per process from a fixed seed, ready for an atlas.

A scene takes a few layers out of it and tints them; that is where variety comes from.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.synthetic.atlas import LAYER_TEXELS, pack_layer
from training.data.synthetic.swatches import facade, foliage, masonry, prints
from training.data.synthetic.swatches.noise import Field, fractal, to_bytes

Drawing = Callable[[np.random.Generator], Field | tuple[Field, Field]]


def clouds(rng: np.random.Generator) -> Field:
    """Cloud brightness, spread over [0, 1]."""
    field = fractal(rng, roughness=rng.uniform(1.5, 2.1), stretch=(1.0, 0.7))
    return (0.5 + 1.3 * (field - 0.5)).astype(np.float32)


FAMILIES: dict[str, tuple[Drawing, int]] = {
    "plaster": (masonry.plaster, 6),
    "gravel": (masonry.gravel, 6),
    "asphalt": (masonry.asphalt, 6),
    "bricks": (masonry.bricks, 10),
    "slabs": (masonry.slabs, 8),
    "checks": (masonry.checks, 5),
    "roof": (masonry.roof, 5),
    "corrugated": (masonry.corrugated, 5),
    "storeys": (facade.storeys, 28),
    "glass_front": (facade.glass_front, 8),
    "shop": (facade.shop, 16),
    "door": (facade.door, 5),
    "window": (facade.window, 5),
    "leaves": (foliage.leaves, 8),
    "twigs": (foliage.twigs, 5),
    "grass": (foliage.grass, 5),
    "bark": (foliage.bark, 4),
    "bars": (foliage.bars, 5),
    "planks": (foliage.planks, 5),
    "wire": (foliage.wire, 3),
    "wheel": (foliage.wheel, 2),
    "cloth": (prints.cloth, 14),
    "wood": (prints.wood, 10),
    "poster": (prints.poster, 20),
    "paper": (prints.paper, 6),
    "books": (prints.books, 5),
    "screen": (prints.screen, 6),
    "keyboard": (prints.keyboard, 3),
    "sign": (prints.sign, 12),
    "clouds": (clouds, 5),
}
"""How each family is drawn, and how many there are."""


@cache
def first_layer(name: str) -> int:
    """The layer of the first swatch of a family; the others follow."""
    names = list(FAMILIES)
    return sum(FAMILIES[other][1] for other in names[: names.index(name)])


@cache
def num_layers() -> int:
    """How many layers the bank has."""
    return sum(count for _, count in FAMILIES.values())


def mean_colour(layer: int) -> tuple[float, float, float]:
    """Mean colour in [0, 1]: the last texel of the layer's pyramid."""
    last = _texels()[(layer + 1) * LAYER_TEXELS - 1 :][:1]
    red, green, blue = (last.view(np.uint8)[:3] / 255).tolist()
    return red, green, blue


@cache
def bank_texels(device: torch.device) -> Tensor:
    """All layers one after the other, (num_layers() * LAYER_TEXELS,) int32."""
    return torch.from_numpy(_texels()).to(device)


@cache
def _texels() -> NDArray[np.int32]:
    layers = []
    for name, (draw, count) in FAMILIES.items():
        for i in range(count):
            drawn = draw(np.random.default_rng([i, *name.encode()]))
            colour, alpha = drawn if isinstance(drawn, tuple) else (drawn, None)
            layers.append(pack_layer(to_bytes(colour, alpha)))
    return np.concatenate(layers)
