"""A plain vision transformer with rotary positions on the canvas: Win-Win's backbone.

Tokens of all windows of a sample attend to each other; their positions are those on the canvas, so
that one pass over a full image at test is what two windows of it were in training (Win-Win, arXiv
2310.00632, section 3).

Axes: b samples, t tokens of a sample, c channels.
"""

from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.config import VitConfig
from models.position import Rotation, frequencies, log_scale, rotate, rotation
from models.spatial import (
    attend,
    merge_heads,
    split_heads,
    to_map,
    to_tokens,
    zero_outside,
)
from models.windows import Windows

REFERENCE_KEYS: Final = 300.0  # image tokens of a typical training sample, see log_scale


class VitBackbone(nn.Module):
    """One map, at stride 16; the neck makes the finer ones."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        c = config.embed_dim
        self.channels: dict[int, int] = {16: c}
        self.patch = nn.Conv2d(3, c, config.patch_size, stride=config.patch_size)
        self.registers = nn.Parameter(torch.randn(config.num_register_tokens, c) * 0.02)
        self.blocks = nn.ModuleList(VitBlock(config) for _ in range(config.num_blocks))
        self.norm = nn.LayerNorm(c)
        # Periods in patches: from neighbours to far more than a 4K canvas.
        omega = frequencies(c // config.num_heads, shortest=4.0, longest=1024.0)
        self.register_buffer("omega", torch.tensor(omega), persistent=False)
        self.omega: Tensor

    def forward(
        self, windows: Windows, *, position_scale: Float[Tensor, " b"] | None = None
    ) -> dict[int, Tensor]:
        """Features by stride, each [b * n, c, rows, cols].

        Args:
            windows: normalised pixels, zero outside the image.
            position_scale: factor for the positions of a sample, random in training.
        """
        place = windows.placement
        b = place.canvas.shape[0]
        pixels = windows.pixels.flatten(0, 1)
        h, w = pixels.shape[2], pixels.shape[3]
        patches = self.patch(zero_outside(pixels, place.inside(1, h, w)))
        rows, cols = patches.shape[2], patches.shape[3]
        inside = place.inside(16, rows, cols)
        present = _with_registers(inside, b, rows * cols * pixels.shape[0] // b, self.registers)
        turn = self._positions(*place.cell_rows_cols(16, rows, cols), position_scale)
        scale = log_scale(place.num_cells(16, rows, cols), reference=REFERENCE_KEYS)

        num_registers = self.registers.shape[0]
        x = torch.cat([self.registers.expand(b, -1, -1), to_tokens(patches, b)], dim=1)
        for block in self.blocks:
            x = block(x, present, turn, scale)
        return {16: to_map(self.norm(x[:, num_registers:]), like=patches)}

    def _positions(
        self,
        row: Tensor,
        col: Tensor,
        position_scale: Float[Tensor, " b"] | None,
    ) -> Rotation:
        y, x = row.float(), col.float()
        if position_scale is not None:
            y, x = y * position_scale[:, None], x * position_scale[:, None]
        still = torch.zeros_like(y[:, :1]).expand(-1, self.registers.shape[0])
        return rotation(torch.cat([still, y], 1), torch.cat([still, x], 1), self.omega)


def _with_registers(
    inside: Bool[Tensor, "bn rows cols"] | None, b: int, num_tokens: int, registers: Tensor
) -> Bool[Tensor, "b t"] | None:
    if inside is None:
        return None
    tokens = inside.reshape(b, num_tokens)
    always = torch.ones_like(tokens[:, :1]).expand(-1, registers.shape[0])
    return torch.cat([always, tokens], dim=1)


class VitBlock(nn.Module):
    """Pre-norm attention with rotary positions, then an MLP."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        c = config.embed_dim
        self.num_heads = config.num_heads
        self.norm_attention = nn.LayerNorm(c)
        self.qkv = nn.Linear(c, 3 * c)
        self.out = nn.Linear(c, c)
        self.norm_mlp = nn.LayerNorm(c)
        self.mlp_in = nn.Linear(c, config.mlp_ratio * c)
        self.mlp_out = nn.Linear(config.mlp_ratio * c, c)

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        present: Bool[Tensor, "b t"] | None,
        turn: Rotation,
        scale: Float[Tensor, "b 1 1 1"],
    ) -> Float[Tensor, "b t c"]:
        q, k, v = self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        q = rotate(split_heads(q, self.num_heads), turn) * scale
        k = rotate(split_heads(k, self.num_heads), turn)
        read = attend(q, k, split_heads(v, self.num_heads), present)
        x = x + self.out(merge_heads(read))
        out: Tensor = x + self.mlp_out(F.gelu(self.mlp_in(self.norm_mlp(x))))
        return out
