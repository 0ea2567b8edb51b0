"""The flow head in the form that engines run fastest; same arithmetic, same answers.

Maps stay channels-last where rows of channels move (features, costs, the enlargement) and
channels-first where engines convolve; each turn costs two copies, and there is one per update.
Products may be computed in bfloat16; what adds up to places in the image, which has no eight bits
to spare, stays in float32: flow, the shares of the bilinear reading, the change of each update.

Axes: b images, c channels, rows cols cells, h w pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float16, Int
from torch import Tensor, nn

from export.block_grid import BlockGrid
from export.blocks import pointwise
from export.coarse_levels import coarse_context, in_dtype, with_coarse
from export.convex import Enlarge, check_scores
from export.cross_attention import FoldedCrossAttention
from export.flow_block import FlowBlock, blind_to_mean, scale_to_unit
from export.full_size import FACTOR
from export.layout import channels_first, channels_last
from export.local_costs import LocalCosts
from models.heads.flow import (
    LEVELS,
    MAX_LOG_SCALE,
    FlowEstimate,
    FlowFeatures,
    FlowParts,
    MatchingFlow,
)
from models.spatial import LocalBlock, crop_to, upsample
from models.windows import Placement


class FoldedMatchingFlow(nn.Module):
    """models.heads.flow.MatchingFlow for whole images; its last estimate alone.

    Args of the constructor:
        flow: the head as it was trained.
        dtype: in which products are computed.
    """

    def __init__(self, flow: MatchingFlow, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        config = flow.config
        self.dtype = dtype
        self.radius = config.radius
        self.splits = flow.splits
        self.num_iterations = config.num_iterations
        self.cross = FoldedCrossAttention(flow.cross, dtype=dtype)
        costs, context, hidden = (
            2 * (2 * config.radius + 1) ** 2,
            config.context_channels,
            config.hidden_channels,
        )
        parts = flow.read.weight.detach().split([costs, context, 3, hidden], dim=1)
        self.read_costs = LocalCosts(parts[0], radius=config.radius, dtype=dtype)
        self.read_context = _plain(parts[1], dtype)
        self.read_place = _plain(parts[2], dtype)
        self.read_hidden = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.read_hidden.weight.data.copy_(parts[3][:, :, None, None])
        self.read_hidden.to(dtype)
        biases = (flow.level_bias + flow.read.bias).detach()
        self.read_bias = nn.ParameterList(nn.Parameter(b.clone().to(dtype)) for b in biases)
        self.blocks = nn.ModuleList(
            FlowBlock(block, dtype=dtype) for block in flow.blocks if isinstance(block, LocalBlock)
        )
        self.eps = flow.norm.eps
        self.fold_head = blind_to_mean(pointwise(flow.head, norm=flow.norm)).to(dtype)
        mask = blind_to_mean(pointwise(flow.mask, norm=flow.norm))
        assert mask.bias is not None
        self.fold_mask = nn.Linear(hidden, mask.out_channels)
        self.fold_mask.weight.data.copy_(mask.weight[:, :, 0, 0])
        self.fold_mask.bias.data.copy_(mask.bias)
        check_scores(self.fold_mask.weight, self.fold_mask.bias)
        self.fold_mask.to(dtype)
        self.enlarge = Enlarge()
        self.register_buffer("one", torch.ones(1, 1, 1, 1).to(dtype), persistent=False)
        self.register_buffer("ones", torch.ones(hidden, 1, 1, 1).to(dtype), persistent=False)
        self.one: Tensor
        self.ones: Tensor

    def forward(
        self,
        first: FlowFeatures,
        second: FlowFeatures,
        placement: Placement,
        next_placement: Placement,
    ) -> list[FlowEstimate]:
        """As the head that it stands for, but for the mixture, of which the error remains."""
        assert next_placement is placement, "whole images alone: windows may lie elsewhere"
        flow, error = self.estimate(self._parts(first), self._parts(second), placement)
        return [FullEstimate(flow=flow.permute(0, 3, 1, 2), error=error.float())]

    def estimate(
        self, first: FlowParts, second: FlowParts, place: Placement
    ) -> tuple[Float[Tensor, "b h w 2"], Float16[Tensor, "b h w"]]:
        """Flow of every pixel, and its expected error.

        Args:
            first: features of frame 1 by stride, [b, rows, cols, c], zero outside the image.
            second: of frame 2.
            place: of the images.
        """
        # First of all: an engine that is given the features in this type then turns none of them.
        first, second = in_dtype(first, self.dtype), in_dtype(second, self.dtype)
        context = coarse_context(self.cross, first[16], second[16], place)
        first, second = (with_coarse(x, place, self.dtype) for x in (first, second))
        flow: Tensor | None = None
        hidden: Tensor | None = None
        coarse_hidden: Tensor | None = None
        for level, stride in enumerate(LEVELS):
            *own, own_context = first[stride]
            *other, _ = second[stride]
            rows, cols = own_context.shape[1], own_context.shape[2]
            cells = place.valid_cells(stride)
            assert cells is not None
            inside = place.inside(stride, rows, cols)
            assert inside is not None
            real = inside[..., None].float()
            mask = self._channels_first_mask(real)
            grid = BlockGrid(own_context, side=self.radius)
            blocks = self.read_costs.prepare(tuple(own), grid)
            table = self.read_costs.table(tuple(other))
            known = (
                channels_last(context[stride].to(self.dtype)) if stride in context else own_context
            )
            base = F.linear(known, self.read_context, self.read_bias[level])
            if flow is None or hidden is None:
                flow = torch.cat([real * 0, real * 0], dim=-1)
            else:
                coarse = place.valid_cells(stride * 2)
                flow = upsample(channels_first(flow), 2, coarse)
                flow = channels_last(crop_to(flow, like=mask))
                coarse_hidden = _doubled(self.read_hidden(hidden), rows, cols)
            for iteration in range(self.num_iterations[level]):
                at = flow / stride
                costs = self.read_costs(blocks, table, at, cells, grid)
                seen = torch.cat([at / 8, _seen(at, cells)], dim=-1).to(self.dtype)
                total = costs + base + F.linear(seen, self.read_place)
                if iteration == 0 and coarse_hidden is not None:
                    total = total + coarse_hidden
                total = channels_first(total)
                if iteration > 0 and hidden is not None:
                    hidden = F.gelu(total + self.read_hidden(hidden))
                else:
                    hidden = F.gelu(F.conv2d(total, self.ones, groups=len(self.ones)))
                for block in self.blocks:
                    hidden = block(hidden, hidden * mask)
                scaled = scale_to_unit(hidden, self.eps)
                change = channels_last(self.fold_head(scaled).float())
                flow = (flow + change[..., :2] * stride) * real
        assert flow is not None
        assert hidden is not None
        scores = self.fold_mask(channels_last(scaled))
        plane = channels_first(real)
        full = self.enlarge.convex(flow, scores, plane)
        logit = channels_first(change[..., 2:3] * real)
        log_scale = F.softplus(change[..., 3:4]).clamp(max=MAX_LOG_SCALE)
        weights = self.enlarge.weights(plane).reciprocal()
        wide_share = (-self.enlarge.bilinear(logit, weights)).sigmoid()
        wide = self.enlarge.bilinear(channels_first(log_scale * real), weights).exp()
        error = (wide - 1) * wide_share + 1
        return full, F.pixel_shuffle(error.half(), FACTOR)[:, 0]

    def _parts(self, features: FlowFeatures) -> FlowParts:
        """From maps [b, c, rows, cols] as the network knows them."""
        parts: FlowParts = {}
        for stride, maps in features.items():
            learned, texture, context = maps.split(self.splits, dim=1)
            parts[stride] = channels_last(learned), channels_last(texture), channels_last(context)
        return parts

    def _channels_first_mask(
        self, real: Float[Tensor, "b rows cols 1"]
    ) -> Float[Tensor, "b 1 rows cols"]:
        # Through a convolution by one: engines then lay the mask out like the maps it multiplies.
        # Else they lay out the maps like the mask, and back, in every block.
        return F.conv2d(channels_first(real.to(self.dtype)), self.one)


class FullEstimate(FlowEstimate):
    """At full size, with the error in place of the mixture that it comes from."""

    def __init__(self, *, flow: Float[Tensor, "b 2 h w"], error: Float[Tensor, "b h w"]) -> None:
        super().__init__(stride=1, flow=flow, mixture=torch.zeros_like(flow))
        object.__setattr__(self, "_error", error)  # the dataclass is frozen

    def expected_error(self) -> Float[Tensor, "b h w"]:
        error: Tensor = self.__dict__["_error"]
        return error


def _plain(weight: Float[Tensor, "c_out c_in"], dtype: torch.dtype) -> nn.Parameter:
    return nn.Parameter(weight.clone().to(dtype))


def _doubled(
    x: Float[Tensor, "b c rows2 cols2"], rows: int, cols: int
) -> Float[Tensor, "b rows cols c"]:
    """Each cell twice along both axes, channels-last."""
    b, _, coarse_rows, coarse_cols = x.shape
    image = torch.arange(b, device=x.device)[:, None, None] * (coarse_rows * coarse_cols)
    row = torch.arange(rows, device=x.device)[:, None] // 2 * coarse_cols
    cell = image + row + torch.arange(cols, device=x.device) // 2
    found = channels_last(x).flatten(0, 2).index_select(0, cell.flatten())
    return found.reshape(b, rows, cols, -1)


def _seen(
    at: Float[Tensor, "b rows cols 2"], cells: Int[Tensor, "b 2"]
) -> Float[Tensor, "b rows cols 1"]:
    """How much of what each cell reads lies in frame 2: what a map of ones would read."""
    rows, cols = at.shape[1], at.shape[2]
    x = at[..., 0] + torch.arange(cols, device=at.device)
    y = at[..., 1] + torch.arange(rows, device=at.device)[:, None]
    share = [
        torch.minimum(z + 1, count[:, None, None] - z).clamp(0.0, 1.0)
        for z, count in ((y, cells[:, 0]), (x, cells[:, 1]))
    ]
    return (share[0] * share[1])[..., None]
