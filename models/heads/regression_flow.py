"""Optical flow by regression: the paper's own form, selectable beside matching.

Frame 1 reads frame 2 by cross-attention, and a small convolutional pyramid turns what it has read
into flow. Nothing is compared cell by cell, so it needs far more data than matching does; with
weights that were pre-trained on pairs it is the simpler head.

Sources: CroCo v2 (arXiv 2211.10408), section 4, and Win-Win (2310.00632), section 3.3: decoder,
convolutional head, one bounded Laplacian per pixel.

Axes: bn windows, c channels, rows cols cells of a level.
"""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.config import FlowConfig
from models.heads.census import CENSUS_CHANNELS
from models.heads.cross_attention import CrossAttention
from models.heads.flow import FlowEstimate, FlowFeatures
from models.spatial import LocalBlock, upsample, zero_outside
from models.windows import Placement

NUM_DECODER_BLOCKS: Final = 3
CELL_PX: Final = 16.0
"""The head speaks in cells of the decoder."""
MIN_SCALE_PX: Final = 0.25
SCALE_RANGE_PX: Final = 3.75
"""b = 0.25 + 3.75 sigmoid(c) px: neither certainty nor doubt is unbounded (CroCo v2)."""
NEVER: Final = -20.0
"""Logit of the mixture's narrow part, which this head does not have."""


class RegressionFlow(nn.Module):
    """Flow from the features of two frames, in one step."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        c = config.hidden_channels
        self.splits = [config.descriptor_channels, CENSUS_CHANNELS, config.context_channels]
        channels = sum(self.splits)
        self.decoder = nn.ModuleList(
            CrossAttention(config, in_channels=channels) for _ in range(NUM_DECODER_BLOCKS)
        )
        self.enter = nn.Linear(config.context_channels, c)
        self.skip = nn.ModuleDict({str(s): nn.Linear(channels, c) for s in (8, 4)})
        self.blocks = nn.ModuleDict({str(s): LocalBlock(c, mlp_ratio=3) for s in (16, 8, 4)})
        self.norm = nn.LayerNorm(c)
        self.head = nn.Linear(c, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        first: FlowFeatures,
        second: FlowFeatures,
        placement: Placement,
        next_placement: Placement,
    ) -> list[FlowEstimate]:
        """The flow at stride 4 and at full size (stride 1).

        Args:
            first: features of frame 1, zero outside the image.
            second: of frame 2, in windows that may lie elsewhere.
            placement: of frame 1's windows.
            next_placement: of frame 2's windows, on the same canvas.
        """
        shared = first[16][:, : sum(self.splits[:2])]
        context = first[16][:, sum(self.splits[:2]) :]
        for block in self.decoder:
            context = block(
                torch.cat([shared, context], dim=1), second[16], placement, next_placement
            )
        inside = placement.inside(16, context.shape[2], context.shape[3])
        hidden = self.blocks["16"](zero_outside(_mix(self.enter, context), inside), inside)
        for stride in (8, 4):
            hidden = upsample(hidden, 2, placement.valid_cells(2 * stride))
            hidden = hidden + _mix(self.skip[str(stride)], first[stride])
            inside = placement.inside(stride, hidden.shape[2], hidden.shape[3])
            hidden = self.blocks[str(stride)](zero_outside(hidden, inside), inside)
        y = _mix(self.head, _mix(self.norm, hidden)).float()
        flow = zero_outside(y[:, :2] * CELL_PX, inside)
        scale = MIN_SCALE_PX + SCALE_RANGE_PX * y[:, 2:].sigmoid()
        mixture = torch.cat([torch.full_like(scale, NEVER), scale.log()], dim=1)
        coarse = FlowEstimate(stride=4, flow=flow, mixture=mixture)
        cells = placement.valid_cells(4)
        full = upsample(torch.cat([flow, mixture], dim=1), 4, cells)
        return [coarse, FlowEstimate(stride=1, flow=full[:, :2], mixture=full[:, 2:])]


def _mix(linear: nn.Module, x: Float[Tensor, "bn c rows cols"]) -> Float[Tensor, "bn c2 rows cols"]:
    y: Tensor = linear(x.permute(0, 2, 3, 1))
    # A turned map leaves guards on its size in a trace, and so does asking whether it is turned.
    return y.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
