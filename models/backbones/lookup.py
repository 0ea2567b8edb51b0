"""The default backbone: local convolutions, and a fixed number of tokens that see the whole image.

Cost is linear in pixels. At stride 16 each block mixes neighbours by a depthwise convolution, lets
M lookup tokens read all image tokens, works on those few tokens, and lets each image token read
them back. The convolution is what makes it dense: without it the published block (LookupViT, arXiv
2407.12753) keeps no positions. Gather and return have projections of their own, so that both are
fused attention, exact under masks at every size.

Axes: b samples, t image tokens of a sample, m lookup tokens, c channels.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.backbones.lookup_grid import LookupGrid, lookup_grid
from models.config import LookupConfig
from models.position import Rotation, frequencies, log_scale, rotate, rotation
from models.spatial import (
    ChannelNorm,
    LocalBlock,
    MaskedConv2d,
    attend,
    merge_heads,
    split_heads,
    to_map,
    to_tokens,
)
from models.windows import Placement, Windows

REFERENCE_KEYS: Final = 300.0  # image tokens of a typical training sample, see log_scale


class LookupBackbone(nn.Module):
    """Maps at strides 4, 8 and 16 of the windows of a canvas."""

    def __init__(self, config: LookupConfig) -> None:
        super().__init__()
        c4, c8, c16 = config.channels
        n4, n8, n16 = config.num_blocks
        self.num_lookup_tokens = config.num_lookup_tokens
        self.channels: dict[int, int] = {4: c4, 8: c8, 16: c16}
        self.stem = MaskedConv2d(3, c4 // 2, kernel_size=3, stride=2)
        self.stem_norm = ChannelNorm(c4 // 2)
        self.to_4 = MaskedConv2d(c4 // 2, c4, kernel_size=3, stride=2)
        self.norm_4 = ChannelNorm(c4)
        self.blocks_4 = nn.ModuleList(
            LocalBlock(c4, mlp_ratio=config.local_mlp_ratio) for _ in range(n4)
        )
        self.to_8 = MaskedConv2d(c4, c8, kernel_size=3, stride=2)
        self.norm_8 = ChannelNorm(c8)
        self.blocks_8 = nn.ModuleList(
            LocalBlock(c8, mlp_ratio=config.local_mlp_ratio) for _ in range(n8)
        )
        self.to_16 = MaskedConv2d(c8, c16, kernel_size=3, stride=2)
        self.norm_16 = ChannelNorm(c16)
        self.registers = nn.Parameter(torch.randn(config.num_register_tokens, c16) * 0.02)
        self.blocks_16 = nn.ModuleList(LookupBlock(c16, config=config) for _ in range(n16))
        self.out_16 = ChannelNorm(c16)
        # Periods in units of half a canvas side: from a few slots to many canvases.
        omega = frequencies(c16 // config.num_heads, shortest=0.25, longest=16.0)
        self.register_buffer("omega", torch.tensor(omega), persistent=False)
        self.omega: Tensor

    def forward(
        self,
        windows: Windows,
        *,
        position_scale: Float[Tensor, " b"] | None = None,
        num_lookup_tokens: int | None = None,
    ) -> dict[int, Tensor]:
        """Features by stride, each [b * n, c, rows, cols].

        Args:
            windows: normalised pixels, zero outside the image.
            position_scale: training stretches the positions of a sample at random, so that none of
                them becomes a landmark (DINOv3, arXiv 2508.10104).
            num_lookup_tokens: another number than the configured one, for training with several.
        """
        place = windows.placement
        x = windows.pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        h, w = x.shape[2], x.shape[3]

        def inside(stride: int) -> Bool[Tensor, "bn rows cols"] | None:
            return place.inside(stride, h // stride, w // stride)

        x = F.gelu(self.stem_norm(self.stem(x, inside(1))))
        x4 = self.norm_4(self.to_4(x, inside(2)))
        for block in self.blocks_4:
            x4 = block(x4, inside(4))
        x8 = self.norm_8(self.to_8(x4, inside(4)))
        for block in self.blocks_8:
            x8 = block(x8, inside(8))
        x16 = self.norm_16(self.to_16(x8, inside(8)))
        grid = lookup_grid(
            place,
            stride=16,
            rows=h // 16,
            cols=w // 16,
            num_slots=num_lookup_tokens or self.num_lookup_tokens,
        )
        x16 = self._attend_16(x16, place, grid, inside(16), position_scale)
        return {4: x4, 8: x8, 16: self.out_16(x16)}

    def _attend_16(
        self,
        x: Float[Tensor, "bn c rows cols"],
        place: Placement,
        grid: LookupGrid,
        inside: Bool[Tensor, "bn rows cols"] | None,
        position_scale: Float[Tensor, " b"] | None,
    ) -> Float[Tensor, "bn c rows cols"]:
        b = place.canvas.shape[0]
        lookup = torch.cat([grid.assign @ to_tokens(x, b), self.registers.expand(b, -1, -1)], dim=1)
        registers = torch.ones_like(grid.present[:, :1]).expand(-1, self.registers.shape[0])
        state = _Attended(
            image_inside=None if inside is None else inside.reshape(b, -1),
            lookup_present=torch.cat([grid.present, registers], dim=1),
            turn=self._positions(grid, position_scale),
            num_image_tokens=place.num_cells(16, x.shape[2], x.shape[3]),
        )
        for block in self.blocks_16:
            x, lookup = block(x, lookup, inside, state)
        return x

    def _positions(self, grid: LookupGrid, position_scale: Float[Tensor, " b"] | None) -> Rotation:
        y = grid.y * 2 / grid.rows[:, None] - 1
        x = grid.x * 2 / grid.cols[:, None] - 1
        if position_scale is not None:
            y, x = y * position_scale[:, None], x * position_scale[:, None]
        # Registers have no place: they sit at the centre and are not turned.
        still = torch.zeros_like(y[:, :1]).expand(-1, self.registers.shape[0])
        return rotation(torch.cat([y, still], 1), torch.cat([x, still], 1), self.omega)


class _Attended:
    """What every block of one forward pass shares."""

    def __init__(
        self,
        *,
        image_inside: Bool[Tensor, "b t"] | None,
        lookup_present: Bool[Tensor, "b m"],
        turn: Rotation,
        num_image_tokens: Int[Tensor, " b"],
    ) -> None:
        self.image_inside = image_inside
        self.lookup_present = lookup_present
        self.turn = turn
        num_lookup = lookup_present.float().sum(1)
        self.scale_gather = log_scale(num_image_tokens, reference=REFERENCE_KEYS)
        self.scale_lookup = log_scale(num_lookup, reference=128.0)


class LookupBlock(nn.Module):
    """Mix neighbours, gather into the lookup tokens, refine them, return to the image tokens.

    16 M c^2 + 6 N c^2 + 4 M N c + 2 M^2 c + 25 N c multiplications for N image tokens.
    """

    def __init__(self, channels: int, *, config: LookupConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        c = channels
        self.mix = MaskedConv2d(c, c, kernel_size=5, groups=c)
        self.norm_image = nn.LayerNorm(c)
        self.image_qkv = nn.Linear(c, 3 * c)  # k, v for gather and q for return: x is the same
        self.norm_gather = nn.LayerNorm(c)
        self.gather_q = nn.Linear(c, c)
        self.gather_out = nn.Linear(c, c)
        self.norm_self = nn.LayerNorm(c)
        self.self_qkv = nn.Linear(c, 3 * c)
        self.self_out = nn.Linear(c, c)
        self.norm_refine = nn.LayerNorm(c)
        self.refine_in = nn.Linear(c, config.refine_mlp_ratio * c)
        self.refine_out = nn.Linear(config.refine_mlp_ratio * c, c)
        self.norm_return = nn.LayerNorm(c)
        self.return_kv = nn.Linear(c, 2 * c)
        self.return_out = nn.Linear(c, c)
        self.norm_mlp = nn.LayerNorm(c)
        self.mlp_in = nn.Linear(c, config.return_mlp_ratio * c)
        self.mlp_out = nn.Linear(config.return_mlp_ratio * c, c)
        depth_gain = 1 / math.sqrt(2 * config.num_blocks[2])
        with torch.no_grad():
            for out in (
                self.gather_out,
                self.self_out,
                self.refine_out,
                self.return_out,
                self.mlp_out,
            ):
                out.weight.mul_(depth_gain)

    def forward(
        self,
        x: Float[Tensor, "bn c rows cols"],
        lookup: Float[Tensor, "b m c"],
        inside: Bool[Tensor, "bn rows cols"] | None,
        state: _Attended,
    ) -> tuple[Float[Tensor, "bn c rows cols"], Float[Tensor, "b m c"]]:
        x = x + self.mix(x, inside)
        image = to_tokens(x, lookup.shape[0])
        k, v, q = self.image_qkv(self.norm_image(image)).chunk(3, dim=-1)
        lookup = self._gather(lookup, k, v, state)
        lookup = self._refine(lookup, state)
        image = self._return(image, q, lookup, state)
        return to_map(image, like=x), lookup

    def _gather(
        self,
        lookup: Float[Tensor, "b m c"],
        k: Float[Tensor, "b t c"],
        v: Float[Tensor, "b t c"],
        state: _Attended,
    ) -> Float[Tensor, "b m c"]:
        q = self._heads(self.gather_q(self.norm_gather(lookup))) * state.scale_gather
        read = attend(q, self._heads(k), self._heads(v), state.image_inside)
        out: Tensor = lookup + self.gather_out(merge_heads(read))
        return out

    def _refine(self, lookup: Float[Tensor, "b m c"], state: _Attended) -> Float[Tensor, "b m c"]:
        q, k, v = self.self_qkv(self.norm_self(lookup)).chunk(3, dim=-1)
        q = rotate(self._heads(q), state.turn) * state.scale_lookup
        k = rotate(self._heads(k), state.turn)
        read = attend(q, k, self._heads(v), state.lookup_present)
        lookup = lookup + self.self_out(merge_heads(read))
        hidden = F.gelu(self.refine_in(self.norm_refine(lookup)))
        out: Tensor = lookup + self.refine_out(hidden)
        return out

    def _return(
        self,
        image: Float[Tensor, "b t c"],
        q: Float[Tensor, "b t c"],
        lookup: Float[Tensor, "b m c"],
        state: _Attended,
    ) -> Float[Tensor, "b t c"]:
        k, v = self.return_kv(self.norm_return(lookup)).chunk(2, dim=-1)
        q = self._heads(q) * state.scale_lookup
        read = attend(q, self._heads(k), self._heads(v), state.lookup_present)
        image = image + self.return_out(merge_heads(read))
        out: Tensor = image + self.mlp_out(F.gelu(self.mlp_in(self.norm_mlp(image))))
        return out

    def _heads(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b heads n d"]:
        return split_heads(x, self.num_heads)
