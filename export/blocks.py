"""Blocks of the network in the form that engines run fastest; same arithmetic, same answers.

In training a block turns its map channels-last for the norm and the matrix products. Engines copy
the map at each turn. Here everything stays channels-first: products are 1x1 convolutions, and what
a norm or a gain multiplies by is folded into the weights of the product beside it. Measured with
two blocks of 64 channels on 136x240 cells: OpenVINO 46 -> 35 ms in f32 and 32 -> 22 ms in bf16,
ONNX Runtime 55 -> 45 ms.

Axes: b images, c channels, rows cols cells.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from export.layout import channels_last
from models.backbones.resformer import LocalPosition
from models.heads.census import census
from models.heads.depth import DepthEstimate, DepthHead
from models.heads.flow import ENCODED, FlowEncoder, FlowParts, unit_length
from models.heads.segmentation import SegmentationHead
from models.spatial import ChannelNorm, LocalBlock, MaskedConv2d
from models.windows import Placement


def normalise(x: Float[Tensor, "b c rows cols"], eps: float) -> Float[Tensor, "b c rows cols"]:
    """Layer norm of each cell over its channels, without weights."""
    centred = x - x.mean(dim=1, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(dim=1, keepdim=True) + eps)


def pointwise(
    linear: nn.Linear, *, norm: nn.LayerNorm | None = None, gain: Tensor | None = None
) -> nn.Conv2d:
    """gain * linear(norm.weight * x + norm.bias) as one 1x1 convolution of x."""
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    if norm is not None:
        bias = bias + weight @ norm.bias.detach().double()
        weight = weight * norm.weight.detach().double()
    if gain is not None:
        weight, bias = weight * gain.detach().double()[:, None], bias * gain.detach().double()
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
    conv.weight.data.copy_(weight[:, :, None, None])
    conv.bias.data.copy_(bias)  # type: ignore[union-attr] # it has one unless told otherwise
    return conv


def unshared(position: LocalPosition) -> MaskedConv2d:
    """The convolution that a kernel shared by all heads is: a graph holds weights as they are."""
    c = position.num_heads * position.out_channels
    conv = MaskedConv2d(c, c, kernel_size=3, groups=c)
    assert conv.bias is not None
    assert position.bias is not None
    conv.weight.data.copy_(position.weight.detach().repeat(position.num_heads, 1, 1, 1))
    conv.bias.data.copy_(position.bias.detach().repeat(position.num_heads))
    return conv


class FoldedLocalBlock(nn.Module):
    """models.spatial.LocalBlock, channels-first."""

    def __init__(self, block: LocalBlock) -> None:
        super().__init__()
        self.mix: MaskedConv2d = block.mix
        self.eps = block.norm.eps
        self.expand = pointwise(block.expand, norm=block.norm)
        self.project = pointwise(block.project, gain=block.gain)

    def forward(
        self, x: Float[Tensor, "b c rows cols"], inside: Bool[Tensor, "b rows cols"] | None
    ) -> Float[Tensor, "b c rows cols"]:
        y = F.gelu(self.expand(normalise(self.mix(x, inside), self.eps)))
        out: Tensor = x + self.project(y)
        return out


class FoldedChannelNorm(nn.Module):
    """models.spatial.ChannelNorm, channels-first."""

    def __init__(self, norm: ChannelNorm) -> None:
        super().__init__()
        self.eps = norm.eps
        self.weight = nn.Parameter(norm.weight.detach()[:, None, None].clone())
        self.bias = nn.Parameter(norm.bias.detach()[:, None, None].clone())

    def forward(self, x: Float[Tensor, "b c rows cols"]) -> Float[Tensor, "b c rows cols"]:
        return normalise(x, self.eps) * self.weight + self.bias


class FoldedSegmentationHead(nn.Module):
    """models.heads.segmentation.SegmentationHead, channels-first."""

    def __init__(self, head: SegmentationHead) -> None:
        super().__init__()
        self.eps = head.norm.eps
        self.project = pointwise(head.project, norm=head.norm)

    def forward(
        self, features: Float[Tensor, "b c rows cols"]
    ) -> Float[Tensor, "b classes rows cols"]:
        logits: Tensor = self.project(normalise(features, self.eps))
        return logits


class FoldedDepthHead(nn.Module):
    """models.heads.depth.DepthHead, channels-first."""

    def __init__(self, head: DepthHead) -> None:
        super().__init__()
        self.eps = head.norm.eps
        self.hidden = pointwise(head.hidden, norm=head.norm)
        self.project = pointwise(head.project)

    def forward(self, features: Float[Tensor, "b c rows cols"]) -> DepthEstimate:
        y: Tensor = self.project(F.gelu(self.hidden(normalise(features, self.eps))))
        return DepthHead.activate(y[:, 0], y[:, 1])


class FoldedFlowEncoder(FlowEncoder):
    """models.heads.flow.FlowEncoder, channels-first."""

    def __init__(self, encoder: FlowEncoder) -> None:
        nn.Module.__init__(self)
        self.descriptor_channels = encoder.descriptor_channels
        self.eps: dict[str, float] = {}
        self.learned = nn.ModuleDict()
        self.context = nn.ModuleDict()
        for name, norm in encoder.norm.items():
            project = encoder.project[name]
            assert isinstance(norm, nn.LayerNorm)
            assert isinstance(project, nn.Linear)
            self.eps[name] = norm.eps
            both = pointwise(project, norm=norm)
            self.learned[name] = _channels(both, slice(None, self.descriptor_channels))
            self.context[name] = _channels(both, slice(self.descriptor_channels, None))

    def _embed(
        self, x: Float[Tensor, "b c rows cols"], stride: int
    ) -> Float[Tensor, "b c2 rows cols"]:
        y = normalise(x, self.eps[str(stride)])
        return torch.cat([self.learned[str(stride)](y), self.context[str(stride)](y)], dim=1)

    def parts_last(
        self,
        pyramid: dict[int, Tensor],
        grey: Float[Tensor, "b 1 h w"],
        placement: Placement,
    ) -> FlowParts:
        """What `parts` returns, channels-last."""
        brightness = self._brightness(grey, placement)
        features: FlowParts = {}
        for stride in ENCODED:
            y = normalise(pyramid[stride], self.eps[str(stride)])
            inside = placement.inside(stride, y.shape[2], y.shape[3])
            assert inside is not None, "images of a batch have sizes of their own"
            real = inside[..., None].float()
            learned, texture, context = (
                channels_last(x.float()) * real
                for x in (
                    unit_length(self.learned[str(stride)](y).float()),
                    census(brightness[stride], inside),
                    self.context[str(stride)](y),
                )
            )
            features[stride] = learned, texture, context
        return features


def _channels(conv: nn.Conv2d, kept: slice) -> nn.Conv2d:
    """Some of the channels of a product."""
    assert conv.bias is not None
    weight, bias = conv.weight.data[kept], conv.bias.data[kept]
    part = nn.Conv2d(conv.in_channels, len(weight), 1)
    part.weight.data.copy_(weight)
    part.bias.data.copy_(bias)  # type: ignore[union-attr] # it has one unless told otherwise
    return part
