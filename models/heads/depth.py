"""Relative inverse depth per pixel: near is large, scale and shift unknown.

Axes: b images, c channels, rows cols cells at stride 4, h w pixels.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.spatial import upsample


@dataclass(frozen=True, kw_only=True)
class DepthEstimate:
    """At stride 4."""

    relative_inverse_depth: Float[Tensor, "b rows cols"]
    log_uncertainty: Float[Tensor, "b rows cols"]
    """Natural log of the expected absolute error, in the unit of the map."""


class DepthHead(nn.Module):
    """A local projection of the finest features; positive by softplus. Its zero has no meaning."""

    def __init__(self, *, in_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_channels)
        self.hidden = nn.Linear(in_channels, in_channels)
        self.project = nn.Linear(in_channels, 2)

    def forward(self, features: Float[Tensor, "b c rows cols"]) -> DepthEstimate:
        y: Tensor = self.norm(features.permute(0, 2, 3, 1))
        y = self.project(F.gelu(self.hidden(y))).float()
        return self.activate(y[..., 0], y[..., 1])

    @staticmethod
    def activate(
        depth: Float[Tensor, "b rows cols"], log_uncertainty: Float[Tensor, "b rows cols"]
    ) -> DepthEstimate:
        """What the two channels mean."""
        return DepthEstimate(
            relative_inverse_depth=F.softplus(depth),
            log_uncertainty=log_uncertainty.clamp(-8.0, 4.0),
        )


def depth_at_full_size(
    estimate: DepthEstimate, valid_cells: Int[Tensor, "b 2"] | None
) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """Relative inverse depth and its expected absolute error for every pixel."""
    depth = upsample(estimate.relative_inverse_depth[:, None], 4, valid_cells)[:, 0]
    log_uncertainty = upsample(estimate.log_uncertainty[:, None], 4, valid_cells)[:, 0]
    return depth, log_uncertainty.exp()
