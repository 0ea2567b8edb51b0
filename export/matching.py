"""The flow head in the form that engines run fastest; same arithmetic, same answers.

Two things cost more than the arithmetic. Matching costs are born channels-last and were turned
twice before the first product used them: here they meet it where they are. A softmax over the nine
neighbours of each pixel is a softmax over an axis in the middle, which ONNX Runtime runs as a
transposed copy: here it is written out over nine maps (226 -> 34 ms of CPU at 540x960).

Axes: b images, c channels, rows cols cells, h w pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from export.blocks import FoldedLocalBlock, normalise, pointwise
from models.heads.correlation import correlation_bands
from models.heads.flow import MatchingFlow
from models.heads.warp import neighbours
from models.spatial import LocalBlock

FACTOR = 4
"""Pixels per cell of the finest level, along each axis."""


class FoldedMatchingFlow(MatchingFlow):
    """models.heads.flow.MatchingFlow with the parts of an update rearranged."""

    def __init__(self, flow: MatchingFlow) -> None:
        nn.Module.__init__(self)
        self.config, self.splits, self.cross = flow.config, flow.splits, flow.cross
        num_costs = 2 * (2 * flow.config.radius + 1) ** 2
        weight = flow.read.weight.detach()
        self.read_costs = nn.Linear(num_costs, len(weight), bias=False)
        self.read_costs.weight.data.copy_(weight[:, :num_costs])
        self.read_rest = nn.Conv2d(weight.shape[1] - num_costs, len(weight), 1, bias=False)
        self.read_rest.weight.data.copy_(weight[:, num_costs:, None, None])
        biases = (flow.level_bias + flow.read.bias).detach()[..., None, None]
        self.read_bias = nn.ParameterList(nn.Parameter(bias.clone()) for bias in biases)
        self.blocks = nn.ModuleList(
            FoldedLocalBlock(block) for block in flow.blocks if isinstance(block, LocalBlock)
        )
        self.eps = flow.norm.eps
        self.fold_head = pointwise(flow.head, norm=flow.norm)
        self.fold_mask = pointwise(flow.mask, norm=flow.norm)

    def _compare(
        self,
        first: Float[Tensor, "b c rows cols"],
        read: Float[Tensor, "b c rows cols"],
        rest: list[Tensor],
        level: int,
    ) -> Float[Tensor, "b c2 rows cols"]:
        bands = [
            band
            for a, b in zip(
                first.split(self.splits[:2], 1), read.split(self.splits[:2], 1), strict=True
            )
            for band in correlation_bands(a, b, radius=self.config.radius)
        ]
        costs: Tensor = self.read_costs(torch.cat(bands, dim=-1)).flatten(2, 3)
        costs = costs.index_select(2, torch.arange(first.shape[3], device=first.device))
        x = costs.permute(0, 3, 1, 2) + self.read_rest(torch.cat(rest, dim=1))
        return F.gelu(x + self.read_bias[level])

    def _change(self, hidden: Float[Tensor, "b c rows cols"]) -> Float[Tensor, "b 4 rows cols"]:
        y: Tensor = self.fold_head(normalise(hidden, self.eps))
        return y

    def _full_size(
        self,
        hidden: Float[Tensor, "b c rows cols"],
        flow: Float[Tensor, "b 2 rows cols"],
        real: Float[Tensor, "b 1 rows cols"],
    ) -> Float[Tensor, "b 2 h w"]:
        b, _, rows, cols = flow.shape
        logits = self.fold_mask(normalise(hidden, self.eps)).unflatten(1, (9, FACTOR**2))
        near = neighbours(torch.cat([flow, real], dim=1))
        scores = [logits[:, k] + (near[:, 2:, k] - 1.0) * 1e4 for k in range(9)]
        highest = scores[0]
        for score in scores[1:]:
            highest = torch.maximum(highest, score)
        shares = [torch.exp(score - highest) for score in scores]
        total = sum(shares[1:], start=shares[0])
        pixels = []
        for axis in range(2):
            weighted = [share * near[:, axis, None, k] for k, share in enumerate(shares)]
            pixels.append(sum(weighted[1:], start=weighted[0]) / total)
        full = torch.stack(pixels, dim=-1).unflatten(1, (FACTOR, FACTOR))
        full = full.permute(0, 3, 1, 4, 2, 5).reshape(b, rows * FACTOR, cols * FACTOR, 2)
        channels_first: Tensor = full.permute(0, 3, 1, 2)
        return channels_first
