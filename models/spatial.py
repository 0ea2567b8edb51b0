"""Operators that look beyond one cell, made blind to padding.

Images of different sizes share a batch, padded below and to the right. Each operator here zeroes
the cells outside an image before it looks at neighbours, so that the border of a padded image is
computed exactly like the border of a bare one. `inside=None` says that there is no padding.

Axes: b images (or windows), c channels, rows cols cells, n m tokens, d channels of a head.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

MASK_CHANNELS = 8  # keeps the width of a head a multiple of 8, which fused kernels want
MASK_LOGIT = -1e3  # times 8 channels; finite, so that a row without any key is not NaN


def zero_outside(
    x: Float[Tensor, "b c rows cols"], inside: Bool[Tensor, "b rows cols"] | None
) -> Float[Tensor, "b c rows cols"]:
    """Zero the cells outside the image, whatever they hold."""
    # masked_fill, not a product: 0 * NaN is NaN, and padding may hold anything.
    return x if inside is None else x.masked_fill(~inside[:, None], 0.0)


class MaskedConv2d(nn.Conv2d):
    """A convolution whose result inside an image does not depend on what lies outside."""

    def __init__(
        self, c_in: int, c_out: int, *, kernel_size: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            c_in, c_out, kernel_size, stride=stride, padding=kernel_size // 2, groups=groups
        )

    def forward(  # type: ignore[override]
        self,
        x: Float[Tensor, "b c_in rows cols"],
        inside: Bool[Tensor, "b rows cols"] | None,
    ) -> Float[Tensor, "b c_out rows2 cols2"]:
        x = zero_outside(x, inside)
        if self.groups == 1:
            return super().forward(x)
        with exact_on_cpu(x):
            return super().forward(x.float() if x.device.type == "cpu" else x)


def exact_on_cpu(x: Tensor) -> AbstractContextManager[object]:
    """No autocast inside, on a CPU: for operators whose bfloat16 backward is slower there.

    Measured on 2 cores with avx512_bf16, 8 x 256x320: depthwise convolution 114 ms in float32, 184
    in bfloat16; attention 83 and 153; matrix products 395 and 139.
    """
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each cell alone: no statistics over space or batch."""

    def forward(self, x: Float[Tensor, "b c rows cols"]) -> Float[Tensor, "b c rows cols"]:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LocalBlock(nn.Module):
    """x + g * W2 gelu(W1 norm(depthwise 5x5 (x))): neighbours mix, then channels.

    Source: the block of ConvNeXt (arXiv 2201.03545) with a 5x5 kernel.
    """

    def __init__(self, channels: int, *, mlp_ratio: int, kernel_size: int = 5) -> None:
        super().__init__()
        self.mix = MaskedConv2d(channels, channels, kernel_size=kernel_size, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, channels * mlp_ratio)
        self.project = nn.Linear(channels * mlp_ratio, channels)
        self.gain = nn.Parameter(torch.full((channels,), 0.1))

    def forward(
        self, x: Float[Tensor, "b c rows cols"], inside: Bool[Tensor, "b rows cols"] | None
    ) -> Float[Tensor, "b c rows cols"]:
        y: Tensor = self.mix(x, inside).permute(0, 2, 3, 1)
        y = self.project(F.gelu(self.expand(self.norm(y))))
        return x + (self.gain * y).permute(0, 3, 1, 2)


def repeat_border(
    x: Float[Tensor, "b c rows cols"], valid_cells: Int[Tensor, "b 2"] | None
) -> Float[Tensor, "b c rows cols"]:
    """Fill the cells outside each image with its last row and column.

    Interpolation of the result is then the same as that of the bare image, whose border engines
    repeat by themselves.
    """
    if valid_cells is None:
        return x
    b, c, rows, cols = x.shape
    row = torch.arange(rows, device=x.device).minimum(valid_cells[:, :1] - 1)
    col = torch.arange(cols, device=x.device).minimum(valid_cells[:, 1:] - 1)
    x = x.gather(2, row[:, None, :, None].expand(b, c, rows, cols))
    return x.gather(3, col[:, None, None, :].expand(b, c, rows, cols))


def upsample(
    x: Float[Tensor, "b c rows cols"], factor: int, valid_cells: Int[Tensor, "b 2"] | None
) -> Float[Tensor, "b c rows2 cols2"]:
    """Bilinear, cell centres at + 0.5, by a whole factor; never mixes in what lies outside."""
    x = repeat_border(x, valid_cells)
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def halve(
    x: Float[Tensor, "b c rows cols"], inside: Bool[Tensor, "b rows cols"] | None
) -> Float[Tensor, "b c rows2 cols2"]:
    """Mean over the inside cells of each 2x2 block; odd sides are rounded up."""
    x = zero_outside(x, inside)
    # The inside cells are a rectangle, so their share of each block is a product of two vectors.
    row = torch.ones_like(x[:, 0, :, 0]) if inside is None else inside[:, :, 0].to(x.dtype)
    col = torch.ones_like(x[:, 0, 0, :]) if inside is None else inside[:, 0, :].to(x.dtype)
    # One spare zero row and column, then a fixed kernel: odd sizes need no branch.
    total = F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), kernel_size=2, stride=2)
    row = F.avg_pool1d(F.pad(row, (0, 1))[:, None], kernel_size=2, stride=2)[:, 0, :, None]
    col = F.avg_pool1d(F.pad(col, (0, 1))[:, None], kernel_size=2, stride=2)
    return total / (row * col)[:, None].clamp(min=0.25)


def crop_to(x: Float[Tensor, "b c rows cols"], like: Tensor) -> Float[Tensor, "b c rows2 cols2"]:
    """The top-left part of x that has the rows and cols of `like`."""
    x = x.index_select(2, torch.arange(like.shape[2], device=x.device))
    return x.index_select(3, torch.arange(like.shape[3], device=x.device))


def attend(
    q: Float[Tensor, "b heads n d"],
    k: Float[Tensor, "b heads m d"],
    v: Float[Tensor, "b heads m d"],
    present: Bool[Tensor, "b m"] | None,
) -> Float[Tensor, "b heads n d"]:
    """Softmax attention over the keys that are present.

    The mask is folded into extra channels, 1 in every query and 0 or a large negative number in the
    keys: exact, and engines keep the fused kernels that a mask input would cost them.
    """
    with exact_on_cpu(q):
        if q.device.type == "cpu":
            q, k, v = q.float(), k.float(), v.float()
        return attend_as_is(q, k, v, present)


def attend_as_is(
    q: Float[Tensor, "b heads n d"],
    k: Float[Tensor, "b heads m d"],
    v: Float[Tensor, "b heads m d"],
    present: Bool[Tensor, "b m"] | None,
) -> Float[Tensor, "b heads n d"]:
    """The same in the precision that is given, on CPUs too."""
    if present is None:
        return F.scaled_dot_product_attention(q, k, v)
    d = q.shape[-1]
    off = torch.where(present, 0.0, MASK_LOGIT * d**0.5).to(k.dtype)[:, None, :, None]
    q = torch.cat([q, torch.ones_like(q[..., :MASK_CHANNELS])], dim=-1)
    k = torch.cat([k, off.expand(-1, k.shape[1], -1, MASK_CHANNELS)], dim=-1)
    # Eager attention falls back to a full score matrix when v is narrower than q.
    v = torch.cat([v, torch.zeros_like(v[..., :MASK_CHANNELS])], dim=-1)
    return F.scaled_dot_product_attention(q, k, v, scale=d**-0.5)[..., :d]


def split_heads(x: Float[Tensor, "b n c"], num_heads: int) -> Float[Tensor, "b heads n d"]:
    """Channels into heads. Inverse: merge_heads."""
    heads: Tensor = x.unflatten(-1, (num_heads, x.shape[-1] // num_heads))
    return heads.transpose(1, 2)


def merge_heads(x: Float[Tensor, "b heads n d"]) -> Float[Tensor, "b n c"]:
    """Heads into channels. Inverse: split_heads."""
    return x.transpose(1, 2).flatten(2)


def to_tokens(x: Float[Tensor, "bn c rows cols"], num_samples: int) -> Float[Tensor, "b t c"]:
    """All cells of all windows of a sample as tokens. Inverse: to_map."""
    tokens = x.permute(0, 2, 3, 1).flatten(1, 2)
    return tokens.reshape(num_samples, -1, x.shape[1])


def to_map(x: Float[Tensor, "b t c"], like: Tensor) -> Float[Tensor, "bn c rows cols"]:
    """Tokens back to the maps of `like`, which came before. Inverse: to_tokens."""
    bn, _, rows, cols = like.shape
    return x.reshape(bn, rows, cols, x.shape[-1]).permute(0, 3, 1, 2)
