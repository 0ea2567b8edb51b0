"""What the flow head makes of the features before it matches: types, and the two coarsest levels.

Features are channels-last, each kind by itself (models.heads.flow.FlowParts). What is averaged is
float32 on the way; averages of bfloat16 would keep too little.

Axes: b images, c channels, rows cols cells.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from export.layout import channels_first, channels_last
from models.heads.cross_attention import CrossAttention
from models.heads.flow import FlowParts, unit_length
from models.spatial import halve, zero_outside
from models.windows import Placement

COARSE = (32, 64)
"""Strides that the encoder does not have."""


def in_dtype(features: FlowParts, dtype: torch.dtype) -> FlowParts:
    """Every map in that type."""
    turned: FlowParts = {}
    for stride, (learned, texture, context) in features.items():
        turned[stride] = learned.to(dtype), texture.to(dtype), context.to(dtype)
    return turned


def with_coarse(features: FlowParts, place: Placement, dtype: torch.dtype) -> FlowParts:
    """Add strides 32 and 64, averages of the finer level, descriptors of unit length again."""
    features = dict(features)
    splits = [x.shape[3] for x in features[16]]
    fine = channels_first(torch.cat(features[16], dim=-1).float())
    for stride in COARSE:
        inside = place.inside(stride // 2, fine.shape[2], fine.shape[3])
        learned, texture, context = halve(fine, inside).split(splits, dim=1)
        fine = torch.cat([unit_length(learned), unit_length(texture), context], dim=1)
        fine = zero_outside(fine, place.inside(stride, fine.shape[2], fine.shape[3]))
        learned, texture, context = (channels_last(x.to(dtype)) for x in fine.split(splits, dim=1))
        features[stride] = learned, texture, context
    return features


def coarse_context(
    cross: CrossAttention,
    first: tuple[Tensor, ...],
    second: tuple[Tensor, ...],
    place: Placement,
) -> dict[int, Float[Tensor, "b c rows cols"]]:
    """Context of frame 1 with what was read in frame 2, at strides 16, 32 and 64.

    Args:
        cross: reads frame 2.
        first: features of frame 1 at stride 16.
        second: of frame 2.
        place: of the images.
    """
    pair = (channels_first(torch.cat(x, dim=-1).float()) for x in (first, second))
    context: dict[int, Tensor] = {16: cross(*pair, place, place)}
    for stride in COARSE:
        fine = context[stride // 2]
        inside = place.inside(stride // 2, fine.shape[2], fine.shape[3])
        context[stride] = halve(fine, inside)
    return context
