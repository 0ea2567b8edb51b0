"""One batch in, one loss out.

Axes: b samples, n windows, h w pixels.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.dense_model import DenseModel, Encoded
from models.heads.flow import FlowFeatures
from models.spatial import upsample
from models.windows import Windows
from training.data.batch import Batch
from training.losses.centres import at_centres
from training.losses.depth import depth_loss
from training.losses.flow import flow_loss
from training.losses.segmentation import segmentation_loss
from training.recipe import LossWeights

L1_UNTIL = 0.4  # share of the run after which the flow turns from L1 ...
L1_FADES = 0.3  # ... to the mixture's likelihood, and how long that takes


@dataclass(frozen=True, kw_only=True)
class Chance:
    """What differs from one forward pass to the next."""

    position_scale: float = 1.0
    num_lookup_tokens: int | None = None
    progress: float = 1.0
    """Share of the run that is done, in [0, 1]."""


def losses(
    model: DenseModel,
    batch: Batch,
    *,
    weights: LossWeights,
    class_weights: Float[Tensor, " k"],
    chance: Chance,
) -> dict[str, Float[Tensor, ""]]:
    """Weighted losses of the tasks that the batch knows something about, to be summed."""
    encoded, following = _encode(model, batch, chance)
    maps = model.maps(encoded)
    b, n = batch.labels.shape[:2]
    found: dict[str, Tensor] = {}
    if maps.logits is not None:
        real = not batch.rendered
        weight = weights.segmentation if real else weights.scene_segmentation
        logits = upsample(maps.logits.float(), 4, None)
        value = segmentation_loss(logits, batch.labels.flatten(0, 1), class_weights)
        found["segmentation" if real else "scene_segmentation"] = weight * value
    if maps.depth is not None and bool(batch.inverse_depth.isfinite().any()):
        found["depth"] = weights.depth * depth_loss(
            maps.depth.relative_inverse_depth.unflatten(0, (b, n)),
            maps.depth.log_uncertainty.unflatten(0, (b, n)),
            at_centres(batch.inverse_depth, 4, *maps.depth.relative_inverse_depth.shape[1:]),
        )
    if batch.flow is not None and following is not None and model.flow_head is not None:
        assert encoded.flow_features is not None
        assert following.flow_features is not None
        estimates = model.flow(
            encoded.flow_features,
            following.flow_features,
            encoded.placement,
            following.placement,
        )
        share = min(max(chance.progress - L1_UNTIL, 0.0) / L1_FADES, 1.0)
        loss = flow_loss(estimates, batch.flow.flatten(0, 1), likelihood=share)
        found["flow"] = weights.flow * loss
    return found


def _encode(model: DenseModel, batch: Batch, chance: Chance) -> tuple[Encoded, Encoded | None]:
    """Frame 1, and frame 2 where there is one; in one pass when their windows agree."""

    def encode(windows: Windows) -> Encoded:
        scale = torch.full((windows.pixels.shape[0],), chance.position_scale)
        return model.encode(
            windows,
            position_scale=scale.to(windows.pixels.device),
            num_lookup_tokens=chance.num_lookup_tokens,
        )

    first = batch.windows()
    if batch.next_image is None:
        return encode(first), None
    second = batch.next_windows()
    if second.pixels.shape != first.pixels.shape:
        return encode(first), encode(second)
    both = encode(_join(first, second))
    b = first.pixels.shape[0] * first.pixels.shape[1]
    return (
        _part(both, slice(0, b), first),
        _part(both, slice(b, 2 * b), second),
    )


def _join(first: Windows, second: Windows) -> Windows:
    a, b = first.placement, second.placement
    placement = type(a)(
        origins=torch.cat([a.origins, b.origins]),
        canvas=torch.cat([a.canvas, b.canvas]),
        valid=None,
    )
    return Windows(pixels=torch.cat([first.pixels, second.pixels]), placement=placement)


def _part(both: Encoded, rows: slice, windows: Windows) -> Encoded:
    features: FlowFeatures | None = None
    if both.flow_features is not None:
        features = {stride: x[rows] for stride, x in both.flow_features.items()}
    return Encoded(
        pyramid={stride: x[rows] for stride, x in both.pyramid.items()},
        flow_features=features,
        placement=windows.placement,
    )
