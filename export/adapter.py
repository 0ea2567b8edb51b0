"""The graphs of a bundle as modules: raw pixels in, maps out, for every size.

The network stays as training wrote it. Here its blocks are exchanged for ones that engines run
faster (export.blocks, export.matching), and what surrounds them is added: normalisation, padding to
the stride, enlargement to full size, the crop. Each result is valid inside an image's own size.

Axes: b images, h w pixels of the array that holds them, H W the same rounded up to the stride,
rows cols cells of a level.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Float16, Int, Shaped, UInt8
from torch import Tensor, nn

from export.blocks import (
    FoldedChannelNorm,
    FoldedDepthHead,
    FoldedFlowEncoder,
    FoldedLocalBlock,
    FoldedSegmentationHead,
    unshared,
)
from export.full_size import FullSize
from export.matching import FoldedMatchingFlow
from models.backbones.resformer import LocalPosition
from models.dense_model import DenseModel
from models.heads.depth import DepthHead
from models.heads.flow import ENCODED, FlowEncoder, MatchingFlow
from models.heads.segmentation import SegmentationHead
from models.spatial import ChannelNorm, LocalBlock
from models.windows import Placement, whole_images

FEATURE_LEVELS = tuple(sorted(ENCODED))
"""Strides whose features leave the frame graph: 4, 8, 16."""

EXCHANGES: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    LocalBlock: FoldedLocalBlock,
    ChannelNorm: FoldedChannelNorm,
    LocalPosition: unshared,
    SegmentationHead: FoldedSegmentationHead,
    DepthHead: FoldedDepthHead,
    FlowEncoder: FoldedFlowEncoder,
    MatchingFlow: FoldedMatchingFlow,
}


def folded(model: DenseModel) -> DenseModel:
    """A copy of the model whose blocks are those of export.blocks and export.matching."""
    model = copy.deepcopy(model)
    _exchange_children(model)
    return model.eval().requires_grad_(False)


def _exchange_children(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        exchange = EXCHANGES.get(type(child))
        if exchange is None:
            _exchange_children(child)
        else:
            setattr(module, name, exchange(child))


class FrameGraph(nn.Module):
    """One frame: segmentation, depth, and the features that flow needs. `model` is folded."""

    def __init__(self, model: DenseModel) -> None:
        super().__init__()
        self.model = model
        self.full_size = FullSize()
        self.output_names: list[str] = []
        if model.segmentation is not None:
            self.output_names += ["labels", "label_confidence"]
        if model.depth is not None:
            self.output_names += ["depth", "depth_uncertainty"]
        if model.flow_encoder is not None:
            self.output_names += [f"features_{level}" for level in FEATURE_LEVELS]

    def forward(self, image: UInt8[Tensor, "b h w 3"], size: Int[Tensor, "b 2"]) -> list[Tensor]:
        """The outputs of `output_names`: (b, h, w) each, features (b, c, rows, cols).

        Args:
            image: RGB; anything outside of an image's own size.
            size: real (height, width) of each image.
        """
        encoded, maps = self.model.answer(whole_images(image, size))
        finest = encoded.pyramid[4]
        inside = encoded.placement.inside(4, finest.shape[2], finest.shape[3])
        assert inside is not None, "whole_images masks unless told otherwise"
        outputs: list[Tensor] = []
        if maps.logits is not None:
            labels, confidence = self.full_size.labels(maps.logits, inside)
            outputs += [crop(labels, like=image), crop(confidence, like=image).half()]
        if maps.depth is not None:
            stacked = torch.stack(
                [maps.depth.relative_inverse_depth, maps.depth.log_uncertainty], dim=1
            )
            full = self.full_size.smooth(stacked, inside)
            outputs += [crop(full[:, 0], like=image), crop(full[:, 1].exp(), like=image).half()]
        if encoded.flow_features is not None:
            outputs += [encoded.flow_features[level] for level in FEATURE_LEVELS]
        return outputs


class FlowGraph(nn.Module):
    """Flow from the features of two frames. `model` is folded."""

    output_names = ("flow", "flow_uncertainty")

    def __init__(self, model: DenseModel) -> None:
        super().__init__()
        assert model.flow_head is not None, "a model without flow has no flow graph"
        self.flow_head = model.flow_head

    def forward(
        self,
        first_4: Float[Tensor, "b c4 rows4 cols4"],
        first_8: Float[Tensor, "b c8 rows8 cols8"],
        first_16: Float[Tensor, "b c16 rows16 cols16"],
        second_4: Float[Tensor, "b c4 rows4 cols4"],
        second_8: Float[Tensor, "b c8 rows8 cols8"],
        second_16: Float[Tensor, "b c16 rows16 cols16"],
        size: Int[Tensor, "b 2"],
    ) -> tuple[Float[Tensor, "b H W 2"], Float16[Tensor, "b H W"]]:
        """Flow in pixels (u, v) and its expected absolute error per axis in pixels."""
        origins = torch.zeros_like(size)[:, None]
        placement = Placement(origins=origins, canvas=size, valid=size[:, None])
        first = dict(zip(FEATURE_LEVELS, (first_4, first_8, first_16), strict=True))
        second = dict(zip(FEATURE_LEVELS, (second_4, second_8, second_16), strict=True))
        estimate = self.flow_head(first, second, placement, placement)[-1]
        return estimate.flow.permute(0, 2, 3, 1), estimate.expected_error().half()


class PairGraph(nn.Module):
    """Both graphs in one file, for engines of other people: two frames in, every map out."""

    def __init__(self, model: DenseModel) -> None:
        super().__init__()
        self.frame = FrameGraph(model)
        self.flow = FlowGraph(model)
        maps = [name for name in self.frame.output_names if not name.startswith("features_")]
        self.output_names = [*maps, *FlowGraph.output_names]

    def forward(
        self,
        image: UInt8[Tensor, "b h w 3"],
        next_image: UInt8[Tensor, "b h w 3"],
        size: Int[Tensor, "b 2"],
    ) -> list[Tensor]:
        """Maps of the first frames (b, h, w) and flow to the next ones (b, h, w, 2)."""
        first = self.frame(image, size)
        second = self.frame(next_image, size)
        num = len(FEATURE_LEVELS)
        flow, uncertainty = self.flow(*first[-num:], *second[-num:], size)
        return [*first[:-num], crop(flow, like=image), crop(uncertainty, like=image)]


def crop(x: Shaped[Tensor, "b H W *c"], like: UInt8[Tensor, "b h w 3"]) -> Shaped[Tensor, "..."]:
    """Without the padding to the stride. By index: a slice would leave guards in the graph."""
    x = x.index_select(1, torch.arange(like.shape[1], device=x.device))
    return x.index_select(2, torch.arange(like.shape[2], device=x.device))
