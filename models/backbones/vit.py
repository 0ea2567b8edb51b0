"""A plain vision transformer with rotary positions on the canvas: Win-Win's backbone.

Tokens of all windows of a sample attend to each other; their positions are those on the canvas, so
that one pass over a full image at test is what two windows of it were in training (Win-Win, arXiv
2310.00632, section 3).

By its configuration it is also the encoder of published weights (ViT, DINOv2, DINOv3, CroCo), so
that training can start from them: `python -m training import-weights`.

Axes: b samples, t tokens of a sample, c channels.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.backbones.position_table import PositionTable
from models.config import VitConfig
from models.position import (
    Rotation,
    frequencies,
    frequencies_of_base,
    log_scale,
    rotate,
    rotation,
)
from models.spatial import (
    attend,
    merge_heads,
    split_heads,
    to_map,
    to_tokens,
    zero_outside,
)
from models.windows import Placement, Windows

REFERENCE_KEYS: Final = 300.0  # image tokens of a typical training sample, see log_scale


class VitBackbone(nn.Module):
    """One map, at stride 16; the neck makes the finer ones."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        c = config.embed_dim
        self.channels: dict[int, int] = {16: c}
        self.log_scale = config.log_scale
        self.rotary = config.rotary
        self.patch = nn.Conv2d(3, c, config.patch_size, stride=config.patch_size)
        self.table = PositionTable(*config.position_grid, c) if config.position_grid else None
        self.registers: nn.Parameter | None = None
        if config.num_register_tokens:
            self.registers = nn.Parameter(torch.randn(config.num_register_tokens, c) * 0.02)
        self.blocks = nn.ModuleList(VitBlock(config) for _ in range(config.num_blocks))
        self.norm = nn.LayerNorm(c, eps=config.norm_eps)
        self.register_buffer("omega", torch.tensor(_frequencies(config)), persistent=False)
        self.omega: Tensor

    def forward(
        self, windows: Windows, *, position_scale: Float[Tensor, " b"] | None = None
    ) -> dict[int, Tensor]:
        """Features by stride, each [b * n, c, rows, cols].

        Args:
            windows: normalised pixels, zero outside the image.
            position_scale: factor for the rotary positions of a sample, random in training.
        """
        place = windows.placement
        b = place.canvas.shape[0]
        pixels = windows.pixels.flatten(0, 1)
        h, w = pixels.shape[2], pixels.shape[3]
        patches = self.patch(zero_outside(pixels, place.inside(1, h, w)))
        rows, cols = patches.shape[2], patches.shape[3]
        if self.table is not None:
            patches = patches + self.table(place, 16, rows, cols).permute(0, 3, 1, 2)
        inside = place.inside(16, rows, cols)
        num_registers = 0 if self.registers is None else self.registers.shape[0]
        present = _with_registers(inside, b, rows * cols * pixels.shape[0] // b, num_registers)
        turn = self._positions(place, rows, cols, num_registers, position_scale)
        scale = None
        if self.log_scale:
            scale = log_scale(place.num_cells(16, rows, cols), reference=REFERENCE_KEYS)

        x = to_tokens(patches, b)
        if self.registers is not None:
            x = torch.cat([self.registers.expand(b, -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x, present, turn, scale)
        return {16: to_map(self.norm(x[:, num_registers:]), like=patches)}

    def _positions(
        self,
        place: Placement,
        rows: int,
        cols: int,
        num_registers: int,
        position_scale: Float[Tensor, " b"] | None,
    ) -> Rotation | None:
        if self.rotary == "none":
            return None
        row, col = place.cell_rows_cols(16, rows, cols)
        y, x = row.float(), col.float()
        if self.rotary == "image":
            size = ((place.canvas + 15) // 16).float()
            y, x = (y + 0.5) * 2 / size[:, :1] - 1, (x + 0.5) * 2 / size[:, 1:] - 1
        if position_scale is not None:
            y, x = y * position_scale[:, None], x * position_scale[:, None]
        if num_registers:
            # Registers have no place: they are not turned.
            still = torch.zeros_like(y[:, :1]).expand(-1, num_registers)
            y, x = torch.cat([still, y], 1), torch.cat([still, x], 1)
        return rotation(y, x, self.omega)


def _frequencies(config: VitConfig) -> list[float]:
    """In radians per unit of the positions."""
    head_dim = config.embed_dim // config.num_heads
    if config.rotary == "canvas":
        # Periods in patches: from neighbours to far more than a 4K canvas.
        return frequencies(head_dim, shortest=4.0, longest=1024.0)
    found = frequencies_of_base(head_dim, base=config.rotary_base)
    # DINOv3 counts in whole turns: its positions run over two units, from -1 to 1.
    return [2 * math.pi * omega for omega in found] if config.rotary == "image" else found


def _with_registers(
    inside: Bool[Tensor, "bn rows cols"] | None, b: int, num_tokens: int, num_registers: int
) -> Bool[Tensor, "b t"] | None:
    if inside is None:
        return None
    tokens = inside.reshape(b, num_tokens)
    if not num_registers:
        return tokens
    always = torch.ones_like(tokens[:, :1]).expand(-1, num_registers)
    return torch.cat([always, tokens], dim=1)


class VitBlock(nn.Module):
    """Pre-norm attention with rotary positions, then an MLP."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        c = config.embed_dim
        hidden = config.mlp_dim or config.mlp_ratio * c
        self.num_heads = config.num_heads
        self.gated = config.mlp == "swiglu"
        self.norm_attention = nn.LayerNorm(c, eps=config.norm_eps)
        self.qkv = nn.Linear(c, 3 * c)
        self.out = nn.Linear(c, c)
        self.norm_mlp = nn.LayerNorm(c, eps=config.norm_eps)
        self.mlp_in = nn.Linear(c, 2 * hidden if self.gated else hidden)
        self.mlp_out = nn.Linear(hidden, c)
        self.gain_attention: nn.Parameter | None = None
        self.gain_mlp: nn.Parameter | None = None
        if config.layer_scale:
            self.gain_attention = nn.Parameter(torch.full((c,), 0.1))
            self.gain_mlp = nn.Parameter(torch.full((c,), 0.1))

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        present: Bool[Tensor, "b t"] | None,
        turn: Rotation | None,
        scale: Float[Tensor, "b 1 1 1"] | None,
    ) -> Float[Tensor, "b t c"]:
        q, k, v = self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        q, k = split_heads(q, self.num_heads), split_heads(k, self.num_heads)
        if turn is not None:
            q, k = rotate(q, turn), rotate(k, turn)
        if scale is not None:
            q = q * scale
        read: Tensor = self.out(merge_heads(attend(q, k, split_heads(v, self.num_heads), present)))
        x = x + (read if self.gain_attention is None else self.gain_attention * read)
        more = self._mlp(self.norm_mlp(x))
        return x + (more if self.gain_mlp is None else self.gain_mlp * more)

    def _mlp(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        hidden = self.mlp_in(x)
        if self.gated:
            gate, value = hidden.chunk(2, dim=-1)
            hidden = F.silu(gate) * value
        else:
            hidden = F.gelu(hidden)
        out: Tensor = self.mlp_out(hidden)
        return out
