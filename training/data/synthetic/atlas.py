"""All textures of a scene in one table of texels with its pyramid, and how to look one up.

Every layer is a square that repeats; four channels: red, green, blue, and how solid it is (alpha,
for holes). One packed table means one gather for any mixture of layers.

Axes: n look-ups, k layers, s the side of a layer.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

SIDE = 256
NUM_LEVELS = 9  # 256 to 1
LEVEL_START = [sum((SIDE >> j) ** 2 for j in range(i)) for i in range(NUM_LEVELS)]
LAYER_TEXELS = sum((SIDE >> i) ** 2 for i in range(NUM_LEVELS))


def pack_layer(texture: NDArray[np.uint8]) -> NDArray[np.int32]:
    """One layer, (SIDE, SIDE, 3 or 4) uint8, with its pyramid as LAYER_TEXELS packed texels."""
    if texture.shape[:2] != (SIDE, SIDE) or texture.shape[2] not in (3, 4):
        raise ValueError(
            f"texture is {texture.shape}, expected ({SIDE}, {SIDE}, 3 or 4): resize it first"
        )
    rgba = np.full((SIDE, SIDE, 4), 255, dtype=np.uint8)
    rgba[..., : texture.shape[2]] = texture
    levels = [rgba]
    while levels[-1].shape[0] > 1:
        fine = levels[-1].astype(np.uint16)
        quads = fine[0::2, 0::2] + fine[1::2, 0::2] + fine[0::2, 1::2] + fine[1::2, 1::2]
        levels.append(((quads + 2) >> 2).astype(np.uint8))
    return np.concatenate([level.reshape(-1, 4) for level in levels]).view(np.int32)[:, 0]


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """The texels of all layers, each texel four bytes in one int32.

    The bank is the same for every scene, so it is one table for all; a scene's own layers follow.
    """

    bank: Tensor
    """(k * LAYER_TEXELS,) int32."""
    own: Tensor
    """The same for layers k and up."""

    def sample(
        self,
        layer: Int64[Tensor, " n"],
        u: Float[Tensor, " n"],
        v: Float[Tensor, " n"],
        lod: Float[Tensor, " n"],
    ) -> Float[Tensor, "n 4"]:
        """Colour in [0, 255] at (u, v), in repetitions; lod = log2 of texels per pixel."""
        level = lod.round().clamp_(0, NUM_LEVELS - 1).long()
        size = torch.bitwise_right_shift(SIDE, level)
        base = layer * LAYER_TEXELS + _level_start(level)
        x = (u - u.floor()) * size - 0.5
        y = (v - v.floor()) * size - 0.5
        x0, y0 = x.floor(), y.floor()
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        last = size - 1
        left, top = x0.long() & last, y0.long() & last
        right, bottom = (left + 1) & last, (top + 1) & last
        top, bottom = base + top * size, base + bottom * size
        upper = torch.lerp(self._texel(top + left), self._texel(top + right), fx)
        lower = torch.lerp(self._texel(bottom + left), self._texel(bottom + right), fx)
        return torch.lerp(upper, lower, fy)

    def solid_at(
        self, layer: Int64[Tensor, " n"], u: Float[Tensor, " n"], v: Float[Tensor, " n"]
    ) -> Tensor:
        """(n,) bool, whether a layer of the bank is solid at (u, v): alpha of the nearest texel."""
        x = ((u - u.floor()) * SIDE).long() & (SIDE - 1)
        y = ((v - v.floor()) * SIDE).long() & (SIDE - 1)
        texel = self.bank.index_select(0, layer * LAYER_TEXELS + y * SIDE + x)
        return texel < 0  # alpha is the highest byte: its top bit is the sign

    def _texel(self, index: Int64[Tensor, " n"]) -> Float[Tensor, "n 4"]:
        size = self.bank.shape[0]
        packed = self.bank.index_select(0, index.clamp_max(size - 1))
        if self.own.shape[0] > 0:
            other = (index >= size).nonzero()[:, 0]
            packed.index_copy_(0, other, self.own.index_select(0, index[other] - size))
        return packed.view(torch.uint8).view(-1, 4).float()


def _level_start(level: Int64[Tensor, " n"]) -> Int64[Tensor, " n"]:
    return torch.tensor(LEVEL_START, device=level.device).index_select(0, level)
