"""The textures of one scene: swatches taken from the bank, patches of photographs, tints.

Axes: h w pixels of a photograph.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.synthetic.atlas import SIDE, Atlas, pack_layer
from training.data.synthetic.material import Colour, Material
from training.data.synthetic.swatches.bank import (
    FAMILIES,
    bank_texels,
    first_layer,
    mean_colour,
    num_layers,
)


class Look(TypedDict, total=False):
    """What else a material may be given; see `Material`."""

    period_m: tuple[float, float]
    offset: tuple[float, float]
    detail_layer: int
    detail_period_m: float
    detail: float
    specular: float
    gloss: float
    emission: float


@dataclass(kw_only=True)
class Palette:
    """Picks textures at random and remembers them as the layers of the scene's atlas."""

    rng: np.random.Generator
    photographs: Sequence[NDArray[np.uint8]] = ()
    max_photographs: int = 4
    kept: dict[str, tuple[Material, Material]] = field(default_factory=dict)
    """Materials that recur in a scene, by name."""
    _patches: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def layer(self, name: str) -> int:
        """A random swatch of a family, as a layer."""
        return first_layer(name) + int(self.rng.integers(FAMILIES[name][1]))

    def natural(self, name: str, *, dim: float = 1.0, **look: Unpack[Look]) -> Material:
        """A texture in its own colour, made a little darker or lighter."""
        gain = dim * float(self.rng.uniform(0.85, 1.12))
        return Material(layer=self.layer(name), gain=(gain, gain, gain), **look)

    def tinted(
        self,
        name: str,
        colour: Colour,
        *,
        contrast: float = 0.3,
        **look: Unpack[Look],
    ) -> Material:
        """A texture moved to a mean colour, with so much of its contrast left."""
        layer = self.layer(name)
        mean = mean_colour(layer)
        gain = [contrast * c / max(m, 0.05) for c, m in zip(colour, mean, strict=True)]
        bias = [c - g * m for c, g, m in zip(colour, gain, mean, strict=True)]
        return Material(
            layer=layer,
            gain=(gain[0], gain[1], gain[2]),
            bias=(bias[0], bias[1], bias[2]),
            **look,
        )

    def plain(self, colour: Colour, **look: Unpack[Look]) -> Material:
        """Almost one colour: paint, metal, plastic."""
        return self.tinted("plaster", colour, contrast=0.12, **look)

    def picture(self) -> Material:
        """A patch of a photograph if there is any, else a drawn poster; fits its face once."""
        if len(self.photographs) == 0 or self.rng.random() < 0.3:
            return Material(layer=self.layer("poster"), period_m=(0.0, 0.0))
        slot = int(self.rng.integers(len(self._patches) + 1))
        if slot == len(self._patches):
            slot = min(slot, self.max_photographs - 1)
            photograph = self.photographs[int(self.rng.integers(len(self.photographs)))]
            self._patches.setdefault(slot, pack_layer(crop_texture(photograph, self.rng)))
        layer = num_layers() + slot
        return Material(layer=layer, period_m=(0.0, 0.0))

    def atlas(self, device: torch.device) -> Atlas:
        """The bank, and the patches of photographs picked so far."""
        own = [np.zeros(0, dtype=np.int32), *self._patches.values()]
        return Atlas(bank=bank_texels(device), own=torch.from_numpy(np.concatenate(own)).to(device))


def crop_texture(photograph: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random square of a photograph as a (SIDE, SIDE, 3) texture.

    Whole squares of pixels are averaged, so detail stays as sharp as it was.
    """
    height, width = photograph.shape[:2]
    shrink = int(rng.integers(1, max(1, min(height, width) // SIDE) + 1))
    side = SIDE * shrink
    down, right = max(0, side - height), max(0, side - width)
    if down or right:
        photograph = np.pad(photograph, ((0, down), (0, right), (0, 0)), mode="wrap")
    top = int(rng.integers(photograph.shape[0] - side + 1))
    left = int(rng.integers(photograph.shape[1] - side + 1))
    square = photograph[top : top + side, left : left + side, :3]
    blocks = square.reshape(SIDE, shrink, SIDE, shrink, 3)
    texture: NDArray[np.uint8] = blocks.mean(axis=(1, 3)).astype(np.uint8)
    return texture
