"""Optical flow by matching, coarse to fine.

At each of the strides 64, 32, 16, 8 and 4 the second frame's descriptors are read where the flow so
far points, compared with the first frame's in a small neighbourhood, and a convolutional update
that starts at zero corrects the flow. Two kinds of descriptors are compared side by side: learned
ones, and the fixed census, which matches before anything is learned.

Sources: PWC-Net (arXiv 1709.02371) for warping and local costs, RAFT (2003.12039) for the update's
memory and convex up-sampling, SEA-RAFT (2405.14793) for the mixture, CroCo (2210.10716) for the
cross-attention.

Axes: bn windows, b samples, c channels, rows cols cells of a level, t tokens.
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.config import FlowConfig
from models.heads.census import CENSUS_CHANNELS, census
from models.heads.correlation import local_correlation
from models.heads.cross_attention import CrossAttention
from models.heads.warp import convex_upsample, warp
from models.spatial import LocalBlock, crop_to, halve, upsample, zero_outside
from models.windows import Placement

LEVELS: Final = (64, 32, 16, 8, 4)
ENCODED: Final = (16, 8, 4)
"""Strides whose features come from the encoder; the two coarsest are their averages."""
MAX_LOG_SCALE: Final = 10.0  # SEA-RAFT: beta2 in [0, 10]

FlowFeatures = dict[int, Tensor]
"""What one frame contributes, by stride: descriptors, census and context, [bn, c, rows, cols]."""

FlowParts = dict[int, tuple[Tensor, Tensor, Tensor]]
"""The same, each by itself."""


@dataclass(frozen=True, kw_only=True)
class FlowEstimate:
    """The flow after one update, and how sure of it the network is."""

    stride: int
    flow: Float[Tensor, "bn 2 rows cols"]
    """In pixels of the image, (u, v), whatever the stride of the map."""
    mixture: Float[Tensor, "bn 2 rows cols"]
    """Logit of the narrow Laplacian against the wide one; log scale of the wide one."""

    def expected_error(self) -> Float[Tensor, "bn rows cols"]:
        """Mean absolute error per axis that the mixture predicts, in pixels."""
        unit = self.stride / 4 if self.stride > 4 else 1.0
        narrow = self.mixture[:, 0].sigmoid()
        return unit * (narrow + (1 - narrow) * self.mixture[:, 1].exp())


class FlowEncoder(nn.Module):
    """What a frame keeps for flow: computed once, used as first and as second frame."""

    def __init__(self, config: FlowConfig, *, in_channels: int) -> None:
        super().__init__()
        out = config.descriptor_channels + config.context_channels
        self.descriptor_channels = config.descriptor_channels
        self.norm = nn.ModuleDict({str(s): nn.LayerNorm(in_channels) for s in ENCODED})
        self.project = nn.ModuleDict({str(s): nn.Linear(in_channels, out) for s in ENCODED})

    def forward(
        self,
        pyramid: dict[int, Tensor],
        grey: Float[Tensor, "bn 1 h w"],
        placement: Placement,
    ) -> FlowFeatures:
        """Features at strides 16, 8 and 4, zero outside the images.

        Args:
            pyramid: features by stride.
            grey: normalised brightness, zero outside the image.
            placement: of the windows.
        """
        parts = self.parts(pyramid, grey, placement)
        return {stride: torch.cat(maps, dim=1) for stride, maps in parts.items()}

    def parts(
        self,
        pyramid: dict[int, Tensor],
        grey: Float[Tensor, "bn 1 h w"],
        placement: Placement,
    ) -> FlowParts:
        """Descriptors, census and context: what `forward` puts together."""
        brightness = self._brightness(grey, placement)
        features: FlowParts = {}
        for stride in ENCODED:
            y = self._embed(pyramid[stride], stride).float()
            d = self.descriptor_channels
            inside = placement.inside(stride, y.shape[2], y.shape[3])
            texture = census(brightness[stride], inside)
            learned, texture, context = (
                zero_outside(x, inside) for x in (unit_length(y[:, :d]), texture, y[:, d:])
            )
            features[stride] = learned, texture, context
        return features

    def _brightness(
        self, grey: Float[Tensor, "bn 1 h w"], placement: Placement
    ) -> dict[int, Float[Tensor, "bn 1 rows cols"]]:
        """Of the cells of each stride."""
        brightness = {1: grey}
        for stride in (2, 4, 8, 16):
            above = brightness[stride // 2]
            inside = placement.inside(stride // 2, above.shape[2], above.shape[3])
            brightness[stride] = halve(above, inside)
        return brightness

    def _embed(
        self, x: Float[Tensor, "bn c rows cols"], stride: int
    ) -> Float[Tensor, "bn c2 rows cols"]:
        y: Tensor = self.project[str(stride)](self.norm[str(stride)](x.permute(0, 2, 3, 1)))
        return y.permute(0, 3, 1, 2)


class MatchingFlow(nn.Module):
    """Flow from the features of two frames."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        c, d = config.hidden_channels, config.descriptor_channels
        self.splits = [d, CENSUS_CHANNELS, config.context_channels]
        self.cross = CrossAttention(config, in_channels=sum(self.splits))
        costs = 2 * (2 * config.radius + 1) ** 2
        self.read = nn.Linear(costs + config.context_channels + 3 + c, c)
        self.level_bias = nn.Parameter(torch.zeros(len(LEVELS), c))
        self.blocks = nn.ModuleList(LocalBlock(c, mlp_ratio=3) for _ in range(2))
        self.norm = nn.LayerNorm(c)
        self.head = nn.Linear(c, 4)
        self.mask = nn.Linear(c, 9 * 16)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        first: FlowFeatures,
        second: FlowFeatures,
        placement: Placement,
        next_placement: Placement,
    ) -> list[FlowEstimate]:
        """Estimates after every update, coarse to fine, the last one at full size (stride 1).

        Args:
            first: features of frame 1, zero outside the image.
            second: of frame 2, in windows that may lie elsewhere.
            placement: of frame 1's windows.
            next_placement: of frame 2's windows, on the same canvas.
        """
        first = self._with_coarse(first, placement)
        second = self._with_coarse(second, next_placement)
        # Flow is measured on the canvas; a window of frame 2 begins elsewhere.
        offset = (
            (placement.origins - next_placement.origins).flatten(0, 1).flip(-1)[..., None, None]
        )
        estimates: list[FlowEstimate] = []
        attended = self.cross(first[16], second[16], placement, next_placement)
        context = {16: attended}
        for stride in (32, 64):
            above = context[stride // 2]
            inside = placement.inside(stride // 2, above.shape[2], above.shape[3])
            context[stride] = halve(above, inside)

        flow: Tensor | None = None
        hidden: Tensor | None = None
        for level, stride in enumerate(LEVELS):
            num_shared = sum(self.splits[:2])
            descriptors = first[stride][:, :num_shared]
            own_context = first[stride][:, num_shared:]
            rows, cols = descriptors.shape[2], descriptors.shape[3]
            inside = placement.inside(stride, rows, cols)
            if flow is None or hidden is None:
                flow = torch.zeros_like(descriptors[:, :2])
                hidden = torch.zeros_like(descriptors[:, :1]).expand(
                    -1, self.config.hidden_channels, -1, -1
                )
            else:
                coarse_cells = placement.valid_cells(stride * 2)
                flow = upsample(flow, 2, coarse_cells)
                hidden = F.interpolate(hidden, scale_factor=2.0)
                if stride >= 16:  # below, sides are even: windows are multiples of 16 pixels
                    flow = crop_to(flow, like=descriptors)
                    hidden = crop_to(hidden, like=descriptors)
            target = second[stride][:, :num_shared]
            # One more channel of ones tells where frame 2 was read at all.
            ones = torch.ones_like(target[:, :1])
            seen = next_placement.inside(stride, target.shape[2], target.shape[3])
            target = torch.cat([target, zero_outside(ones, seen)], dim=1)
            for _ in range(self.config.num_iterations[level]):
                # Each update learns from its own change alone (RAFT): through the chain of warps
                # gradients grow tenfold, and training on them did not get off the ground.
                flow = flow.detach()
                # Cells outside frame 1 would read frame 2 as well, but the bare image has none.
                read = zero_outside(warp(target, (flow + offset) / stride), inside)
                rest = [context.get(stride, own_context), flow / (8 * stride), read[:, -1:], hidden]
                hidden = self._compare(descriptors, read[:, :-1], rest, level)
                for block in self.blocks:
                    hidden = block(hidden, inside)
                change = self._change(hidden)
                flow = zero_outside(flow + change[:, :2] * stride, inside)
                mixture = torch.cat(
                    [change[:, 2:3], F.softplus(change[:, 3:4]).clamp(max=MAX_LOG_SCALE)], dim=1
                )
                estimates.append(FlowEstimate(stride=stride, flow=flow, mixture=mixture))
        assert flow is not None
        assert hidden is not None
        real = torch.ones_like(flow[:, :1])
        real = zero_outside(real, placement.inside(4, real.shape[2], real.shape[3]))
        mixture = upsample(estimates[-1].mixture, 4, placement.valid_cells(4))
        full = self._full_size(hidden, flow, real)
        estimates.append(FlowEstimate(stride=1, flow=full, mixture=mixture))
        return estimates

    def _compare(
        self,
        first: Float[Tensor, "bn c rows cols"],
        read: Float[Tensor, "bn c rows cols"],
        rest: list[Tensor],
        level: int,
    ) -> Float[Tensor, "bn c2 rows cols"]:
        """The state of an update: costs of both descriptors, and what else is known of a cell."""
        pairs = zip(first.split(self.splits[:2], 1), read.split(self.splits[:2], 1), strict=True)
        costs = [local_correlation(a, b, radius=self.config.radius) for a, b in pairs]
        x: Tensor = self.read(torch.cat([*costs, *rest], dim=1).permute(0, 2, 3, 1))
        return F.gelu(x + self.level_bias[level]).permute(0, 3, 1, 2)

    def _change(self, hidden: Float[Tensor, "bn c rows cols"]) -> Float[Tensor, "bn 4 rows cols"]:
        """Correction of the flow in cells, then the mixture before its activation."""
        y: Tensor = self.head(self.norm(hidden.permute(0, 2, 3, 1)))
        return y.float().permute(0, 3, 1, 2)

    def _full_size(
        self,
        hidden: Float[Tensor, "bn c rows cols"],
        flow: Float[Tensor, "bn 2 rows cols"],
        real: Float[Tensor, "bn 1 rows cols"],
    ) -> Float[Tensor, "bn 2 h w"]:
        """Flow of every pixel from that of the cells; `real` is 1 for cells of the image."""
        weights: Tensor = self.mask(self.norm(hidden.permute(0, 2, 3, 1)))
        return convex_upsample(flow, weights.float().permute(0, 3, 1, 2), real, factor=4)

    def _with_coarse(self, features: FlowFeatures, placement: Placement) -> FlowFeatures:
        """Add strides 32 and 64, averages of the finer level, descriptors of unit length again."""
        features = dict(features)
        for stride in (32, 64):
            fine = features[stride // 2]
            inside = placement.inside(stride // 2, fine.shape[2], fine.shape[3])
            learned, texture, context = halve(fine, inside).split(self.splits, dim=1)
            joined = torch.cat([unit_length(learned), unit_length(texture), context], dim=1)
            inside = placement.inside(stride, joined.shape[2], joined.shape[3])
            features[stride] = zero_outside(joined, inside)
        return features


def unit_length(x: Float[Tensor, "b c rows cols"]) -> Float[Tensor, "b c rows cols"]:
    """Each cell's vector divided by its length."""
    return x * torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-6)
