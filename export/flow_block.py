"""The local block of the flow head in the form that engines run fastest; same arithmetic.

Layer norm takes the mean from each cell's channels and divides by what is left. A product that
follows does not see the mean if its weights add up to zero, so they are made to, and the map is
only divided: one pass over it less than the norm, and two less than engines make of it.

Axes: b images, c channels, rows cols cells.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from export.blocks import pointwise
from models.spatial import LocalBlock


def scale_to_unit(x: Float[Tensor, "b c rows cols"], eps: float) -> Float[Tensor, "b c rows cols"]:
    """Each cell divided by the standard deviation of its channels. The mean stays in it."""
    mean = x.mean(dim=1, keepdim=True).float()
    square = x.norm(dim=1, keepdim=True).float().square() / x.shape[1]
    deviation = torch.rsqrt((square - mean.square()).clamp(min=0.0) + eps)
    return x * deviation.to(x.dtype)


def blind_to_mean(conv: nn.Conv2d) -> nn.Conv2d:
    """The same product of whatever has no mean, zero of the mean itself. In place."""
    conv.weight.data.sub_(conv.weight.data.mean(dim=1, keepdim=True))
    return conv


class FlowBlock(nn.Module):
    """models.spatial.LocalBlock, channels-first, on maps that are zero outside the images."""

    def __init__(self, block: LocalBlock, *, dtype: torch.dtype) -> None:
        super().__init__()
        mix = block.mix
        self.mix = nn.Conv2d(
            mix.in_channels,
            mix.out_channels,
            mix.kernel_size[0],
            padding=mix.kernel_size[0] // 2,
            groups=mix.groups,
        )
        self.mix.load_state_dict(mix.state_dict())
        self.eps = block.norm.eps
        self.expand = blind_to_mean(pointwise(block.expand, norm=block.norm))
        self.project = pointwise(block.project, gain=block.gain)
        self.to(dtype)

    def forward(
        self, x: Float[Tensor, "b c rows cols"], clean: Float[Tensor, "b c rows cols"]
    ) -> Float[Tensor, "b c rows cols"]:
        """The block of `x`; `clean` is the same, and zero outside the images."""
        y = F.gelu(self.expand(scale_to_unit(self.mix(clean), self.eps)))
        out: Tensor = x + self.project(y)
        return out
