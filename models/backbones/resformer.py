"""A vision transformer that knows where it is from convolutions, so that it takes any resolution.

Nothing in it was made for one grid of patches: a global position, the same at every resolution, is
added once; a local one, a small convolution of the values, is added by every block. It is meant to
be trained at several resolutions in one step (training.multi_resolution).

Source: ResFormer (arXiv 2212.00776), section 3.3. Ours: windows of a canvas, padding, register
tokens in place of the class token, and the attention scale that follows the number of keys.

Axes: b samples, t tokens of a sample, bn windows, rows cols cells, c channels, d of them per head.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.config import ResformerConfig
from models.position import log_scale
from models.spatial import (
    MaskedConv2d,
    attend,
    exact_on_cpu,
    merge_heads,
    split_heads,
    to_map,
    to_tokens,
    zero_outside,
)
from models.windows import Placement, Windows

REFERENCE_KEYS: Final = 300.0  # image tokens of a typical training sample, see log_scale
TEMPERATURE: Final = 10000.0  # the longest period of a position is so many times the shortest


class ResformerBackbone(nn.Module):
    """One map, at stride 16; the neck makes the finer ones."""

    def __init__(self, config: ResformerConfig) -> None:
        super().__init__()
        c = config.embed_dim
        self.channels: dict[int, int] = {16: c}
        self.patch = nn.Conv2d(3, c, config.patch_size, stride=config.patch_size)
        self.global_position = GlobalPosition(c)
        self.registers = nn.Parameter(torch.randn(config.num_register_tokens, c) * 0.02)
        self.blocks = nn.ModuleList(ResformerBlock(config) for _ in range(config.num_blocks))
        self.norm = nn.LayerNorm(c)

    def forward(
        self, windows: Windows, *, position_scale: Float[Tensor, " b"] | None = None
    ) -> dict[int, Tensor]:
        """Features by stride, each [b * n, c, rows, cols].

        Args:
            windows: normalised pixels, zero outside the image.
            position_scale: factor for the global positions of a sample, random in training.
        """
        place = windows.placement
        b = place.canvas.shape[0]
        pixels = windows.pixels.flatten(0, 1)
        h, w = pixels.shape[2], pixels.shape[3]
        patches = self.patch(zero_outside(pixels, place.inside(1, h, w)))
        inside = place.inside(16, patches.shape[2], patches.shape[3])
        patches = patches + self.global_position(place, patches, inside, position_scale)
        scale = log_scale(
            place.num_cells(16, patches.shape[2], patches.shape[3]), reference=REFERENCE_KEYS
        )
        x = torch.cat([self.registers.expand(b, -1, -1), to_tokens(patches, b)], dim=1)
        present = self._present(inside, x)
        for block in self.blocks:
            x = block(x, patches, inside, present, scale)
        return {16: to_map(self.norm(x[:, self.registers.shape[0] :]), like=patches)}

    def _present(
        self, inside: Bool[Tensor, "bn rows cols"] | None, x: Float[Tensor, "b t c"]
    ) -> Bool[Tensor, "b t"] | None:
        """Registers always are; patches where they hold a part of the image."""
        if inside is None:
            return None
        num_registers = self.registers.shape[0]
        patches = inside.reshape(x.shape[0], x.shape[1] - num_registers)
        always = torch.ones_like(patches[:, :1]).expand(-1, num_registers)
        return torch.cat([always, patches], dim=1)


class GlobalPosition(nn.Module):
    """Sines and cosines of a cell's place on its canvas, mixed with its neighbours'.

    The canvas is 2 pi long and wide, whatever its resolution: the same place has the same position.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = MaskedConv2d(channels, channels, kernel_size=3, groups=channels)
        count = channels // 4  # a half of the channels for y, a half for x; two per frequency
        omega = torch.tensor([TEMPERATURE ** (-k / count) for k in range(count)])
        self.register_buffer("omega", omega, persistent=False)
        self.omega: Tensor

    def forward(
        self,
        place: Placement,
        like: Float[Tensor, "bn c rows cols"],
        inside: Bool[Tensor, "bn rows cols"] | None,
        position_scale: Float[Tensor, " b"] | None,
    ) -> Float[Tensor, "bn c rows cols"]:
        """What is added to the patches `like`, whose cells are `inside`."""
        row, col = place.cell_rows_cols(16, like.shape[2], like.shape[3])
        cells = (place.canvas + 15) // 16
        y = (row + 1).float() / (cells[:, :1].float() + 1e-6) * (2 * math.pi)
        x = (col + 1).float() / (cells[:, 1:].float() + 1e-6) * (2 * math.pi)
        if position_scale is not None:
            y, x = y * position_scale[:, None], x * position_scale[:, None]
        waves = torch.cat([self._waves(y), self._waves(x)], dim=-1)
        mixed: Tensor = self.mix(to_map(waves, like=like), inside)
        return mixed

    def _waves(self, angle: Float[Tensor, "b t"]) -> Float[Tensor, "b t c"]:
        angles = angle[..., None] * self.omega
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


class LocalPosition(nn.Conv2d):
    """A depthwise 3x3 convolution of the values as a map, one kernel for all heads.

    Zero at the start: the block begins as one without positions. It has 10 d parameters.
    """

    def __init__(self, head_dim: int, *, num_heads: int) -> None:
        super().__init__(head_dim, head_dim, 3, padding=1, groups=head_dim)
        self.num_heads = num_heads
        nn.init.zeros_(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)

    def forward(  # type: ignore[override]
        self,
        v: Float[Tensor, "bn c rows cols"],
        inside: Bool[Tensor, "bn rows cols"] | None,
    ) -> Float[Tensor, "bn c rows cols"]:
        assert self.bias is not None
        v = zero_outside(v, inside)
        weight = self.weight.repeat(self.num_heads, 1, 1, 1)
        bias = self.bias.repeat(self.num_heads)
        with exact_on_cpu(v):
            v = v.float() if v.device.type == "cpu" else v
            return F.conv2d(v, weight, bias, padding=1, groups=weight.shape[0])


class ResformerBlock(nn.Module):
    """Pre-norm attention whose values carry their local position, then an MLP.

    12 N c^2 + 2 N^2 c + 9 N c multiplications for N tokens.
    """

    def __init__(self, config: ResformerConfig) -> None:
        super().__init__()
        c = config.embed_dim
        self.num_heads = config.num_heads
        self.num_registers = config.num_register_tokens
        self.norm_attention = nn.LayerNorm(c)
        self.qkv = nn.Linear(c, 3 * c)
        self.local_position = LocalPosition(c // config.num_heads, num_heads=config.num_heads)
        self.out = nn.Linear(c, c)
        self.norm_mlp = nn.LayerNorm(c)
        self.mlp_in = nn.Linear(c, config.mlp_ratio * c)
        self.mlp_out = nn.Linear(config.mlp_ratio * c, c)

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        patches: Float[Tensor, "bn c rows cols"],
        inside: Bool[Tensor, "bn rows cols"] | None,
        present: Bool[Tensor, "b t"] | None,
        scale: Float[Tensor, "b 1 1 1"],
    ) -> Float[Tensor, "b t c"]:
        """One block over all tokens of a sample.

        Args:
            x: registers, then the patches of all windows.
            patches: their maps, of which only the shape is read.
            inside: cells that hold a part of the image; None: all do.
            present: tokens that may be attended to; None: all may.
            scale: of the queries.
        """
        q, k, v = self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        q = split_heads(q, self.num_heads) * scale
        read = attend(q, split_heads(k, self.num_heads), split_heads(v, self.num_heads), present)
        # Registers, which come first, have no neighbours.
        local = self.local_position(to_map(v[:, self.num_registers :], like=patches), inside)
        local = F.pad(to_tokens(local, x.shape[0]), (0, 0, self.num_registers, 0))
        x = x + self.out(merge_heads(read) + local)
        out: Tensor = x + self.mlp_out(F.gelu(self.mlp_in(self.norm_mlp(x))))
        return out
