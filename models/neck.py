"""From the maps of a backbone to one feature pyramid at strides 16, 8 and 4.

Axes: bn windows, c channels, rows cols cells.
"""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.spatial import LocalBlock
from models.windows import Placement

LEVELS = (16, 8, 4)  # coarse to fine: the order of the top-down sum


class Neck(nn.Module):
    """1x1 laterals, a top-down sum, one local block per level (FPN, arXiv 1612.03144).

    A backbone without a map at a finer stride (a plain ViT) gets it from the coarser one by a
    learned 2x2 expansion of each cell, which mixes no neighbours (ViTDet, arXiv 2203.16527).
    """

    def __init__(self, channels: dict[int, int], *, out_channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleDict(
            {str(s): nn.Conv2d(channels[s], out_channels, 1) for s in LEVELS if s in channels}
        )
        self.expand = nn.ModuleDict(
            {
                str(s): nn.ConvTranspose2d(out_channels, out_channels, 2, stride=2)
                for s in LEVELS
                if s not in channels
            }
        )
        self.smooth = nn.ModuleDict({str(s): LocalBlock(out_channels, mlp_ratio=3) for s in LEVELS})

    def forward(
        self, maps: dict[int, Tensor], placement: Placement
    ) -> dict[int, Float[Tensor, "bn c rows cols"]]:
        """The pyramid by stride, finest last."""
        pyramid: dict[int, Tensor] = {}
        above: Tensor | None = None
        for stride in LEVELS:
            if str(stride) in self.expand:
                assert above is not None, "every backbone has a map at stride 16"
                x: Tensor = self.expand[str(stride)](above)
            else:
                x = self.lateral[str(stride)](maps[stride])
                if above is not None:
                    # Nearest: a cell takes from the cell above it alone, never from outside.
                    x = x + F.interpolate(above, scale_factor=2.0, mode="nearest")
            inside: Bool[Tensor, "bn rows cols"] | None = placement.inside(
                stride, x.shape[2], x.shape[3]
            )
            above = self.smooth[str(stride)](x, inside)
            pyramid[stride] = above
        return pyramid
