"""The graphs of a bundle as modules: raw pixels in, maps out, for every size.

The network stays as training wrote it. Here its blocks are exchanged for ones that engines run
faster (export.blocks, export.matching), and what surrounds them is added: normalisation, padding to
the stride, enlargement to full size, the crop. Each result is valid inside an image's own size.

Axes: b images, h w pixels of the array that holds them, H W the same rounded up to the stride,
rows cols cells of a level.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
from export.layout import channels_first
from export.matching import FoldedMatchingFlow
from models.backbones.resformer import LocalPosition
from models.dense_model import DenseModel
from models.heads.depth import DepthHead
from models.heads.flow import ENCODED, FlowEncoder, FlowEstimate, FlowParts, MatchingFlow
from models.heads.segmentation import SegmentationHead
from models.spatial import ChannelNorm, LocalBlock
from models.windows import Placement, whole_images

FEATURE_LEVELS = tuple(sorted(ENCODED))
"""Strides whose features leave the frame graph: 4, 8, 16."""
KINDS = ("learned", "census", "context")
"""Of the features of a stride, each a port of its own: engines would cut them apart at length."""
FEATURE_NAMES = tuple(f"{level}_{kind}" for level in FEATURE_LEVELS for kind in KINDS)

EXCHANGES: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    LocalBlock: FoldedLocalBlock,
    ChannelNorm: FoldedChannelNorm,
    LocalPosition: unshared,
    SegmentationHead: FoldedSegmentationHead,
    DepthHead: FoldedDepthHead,
    FlowEncoder: FoldedFlowEncoder,
}


def folded(model: DenseModel, *, flow_dtype: torch.dtype = torch.float32) -> DenseModel:
    """A copy of the model whose blocks are those of export.blocks and export.matching.

    Args:
        flow_dtype: in which the products of matching are computed.
    """
    model = copy.deepcopy(model)
    _exchange_children(
        model, {**EXCHANGES, MatchingFlow: partial(FoldedMatchingFlow, dtype=flow_dtype)}
    )
    return model.eval().requires_grad_(False)


def _exchange_children(
    module: nn.Module, exchanges: Mapping[type[nn.Module], Callable[[Any], nn.Module]]
) -> None:
    for name, child in list(module.named_children()):
        exchange = exchanges.get(type(child))
        if exchange is None:
            _exchange_children(child, exchanges)
        else:
            setattr(module, name, exchange(child))


class FrameGraph(nn.Module):
    """One frame: segmentation, depth, and the features that flow needs. `model` is folded."""

    def __init__(self, model: DenseModel) -> None:
        super().__init__()
        self.model = model
        self.full_size = FullSize()
        self.output_names: list[str] = []
        self.channels: dict[str, int] = {}
        """Of each kind of features."""
        if model.segmentation is not None:
            self.output_names += ["labels", "label_confidence"]
        if model.depth is not None:
            self.output_names += ["depth", "depth_uncertainty"]
        if model.flow_encoder is not None and model.flow_head is not None:
            self.channels = dict(zip(KINDS, model.flow_head.splits, strict=True))
            self.output_names += [f"features_{name}" for name in FEATURE_NAMES]

    def forward(self, image: UInt8[Tensor, "b h w 3"], size: Int[Tensor, "b 2"]) -> list[Tensor]:
        """The outputs of `output_names`: (b, h, w) each, features (b, rows, cols, c).

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
        encoder = self.model.flow_encoder
        if encoder is not None:
            assert isinstance(encoder, FoldedFlowEncoder)
            parts = encoder.parts_last(encoded.pyramid, encoded.grey, encoded.placement)
            outputs += [part for level in FEATURE_LEVELS for part in parts[level]]
        return outputs


class FlowGraph(nn.Module):
    """Flow from the features of two frames. `model` is folded."""

    output_names = ("flow", "flow_uncertainty")

    def __init__(self, model: DenseModel) -> None:
        super().__init__()
        assert model.flow_head is not None, "a model without flow has no flow graph"
        self.flow_head: nn.Module = model.flow_head  # folded, where there is a folded form
        splits = model.flow_head.splits
        self.channels = dict(zip(KINDS, splits, strict=True))
        """Of each kind of features."""

    def forward(
        self, first: Sequence[Tensor], second: Sequence[Tensor], size: Int[Tensor, "b 2"]
    ) -> tuple[Float[Tensor, "b H W 2"], Float16[Tensor, "b H W"]]:
        """Flow in pixels (u, v) and its expected absolute error per axis in pixels.

        Args:
            first: features of the first frame in the order of FEATURE_NAMES, (b, rows, cols, c).
            second: of the second frame.
            size: real (height, width) of each image.
        """
        origins = torch.zeros_like(size)[:, None]
        placement = Placement(origins=origins, canvas=size, valid=size[:, None])
        pair = _by_level(first), _by_level(second)
        if isinstance(self.flow_head, FoldedMatchingFlow):
            return self.flow_head.estimate(*pair, placement)
        joined = (
            {s: channels_first(torch.cat(x, dim=-1)) for s, x in maps.items()} for maps in pair
        )
        estimate: FlowEstimate = self.flow_head(*joined, placement, placement)[-1]
        return estimate.flow.permute(0, 2, 3, 1), estimate.expected_error().half()


def _by_level(features: Sequence[Tensor]) -> FlowParts:
    kinds = len(KINDS)
    return {
        level: (features[at], features[at + 1], features[at + 2])
        for at, level in zip(range(0, len(features), kinds), FEATURE_LEVELS, strict=True)
    }


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
        num = len(FEATURE_NAMES)
        flow, uncertainty = self.flow(first[-num:], second[-num:], size)
        return [*first[:-num], crop(flow, like=image), crop(uncertainty, like=image)]


def crop(x: Shaped[Tensor, "b H W *c"], like: UInt8[Tensor, "b h w 3"]) -> Shaped[Tensor, "..."]:
    """Without the padding to the stride. By index: a slice would leave guards in the graph."""
    x = x.index_select(1, torch.arange(like.shape[1], device=x.device))
    return x.index_select(2, torch.arange(like.shape[2], device=x.device))
