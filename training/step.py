"""One batch in, one loss out.

Axes: b samples, n windows, h w pixels.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.dense_model import DenseModel, Encoded, Maps
from models.heads.flow import FlowEstimate, FlowFeatures
from models.spatial import upsample
from models.task import IGNORE_INDEX
from models.windows import Windows
from training.data.batch import Batch
from training.losses.centres import at_centres
from training.losses.depth import depth_loss, knows_depth
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
    seed: int = 0
    """Of what else is drawn within the pass."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All that a model says of one batch."""

    encoded: Encoded
    """Frame 1."""
    maps: Maps
    flow: list[FlowEstimate] | None
    """After every update. None for single images, and of a model without flow."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """How many samples know the truth of each task, and of any of them."""

    labels: int
    depth: int
    flow: int
    samples: int
    """Those that are not blank."""


def count_known(batch: Batch) -> Known:
    """Of a batch."""
    h, w = batch.inverse_depth.shape[2:]
    depth = at_centres(batch.inverse_depth, 4, h // 4, w // 4)
    flow = 0 if batch.flow is None else _num_samples(batch.flow.isfinite())
    return Known(
        labels=_num_samples(batch.labels != IGNORE_INDEX),
        depth=int(knows_depth(depth).sum()),
        flow=flow,
        samples=int(not_blank(batch).sum()),
    )


def not_blank(batch: Batch) -> Bool[Tensor, " b"]:
    """The samples of which something is known."""
    known = (batch.labels != IGNORE_INDEX).flatten(1).any(1)
    known = known | batch.inverse_depth.isfinite().flatten(1).any(1)
    return known if batch.flow is None else known | batch.flow.isfinite().flatten(1).any(1)


def _num_samples(known: Bool[Tensor, "b ..."]) -> int:
    return int(known.flatten(1).any(1).sum())


def losses(
    model: DenseModel,
    batch: Batch,
    *,
    weights: LossWeights,
    class_weights: Float[Tensor, " k"],
    chance: Chance,
    known: Known | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Weighted losses of the tasks that something is known about, to be summed.

    Args:
        model: in training.
        batch: or a part of one.
        weights: of the tasks.
        class_weights: of the classes.
        chance: random choices, those of the whole batch.
        known: of the whole batch where this is a part of it; the losses of all parts then add up
            to that of the whole, and each part runs the same layers.
    """
    return task_losses(
        answer(model, batch, chance),
        batch,
        weights=weights,
        class_weights=class_weights,
        progress=chance.progress,
        known=known or count_known(batch),
    )


def answer(model: DenseModel, batch: Batch, chance: Chance) -> Answers:
    """One forward pass: frame 1's maps, and the flow where there is a second frame."""
    encoded, following = _encode(model, batch, chance)
    flow = None
    if batch.flow is not None and following is not None and model.flow_head is not None:
        assert encoded.flow_features is not None
        assert following.flow_features is not None
        flow = model.flow(
            encoded.flow_features,
            following.flow_features,
            encoded.placement,
            following.placement,
        )
    return Answers(encoded=encoded, maps=model.maps(encoded), flow=flow)


def task_losses(
    answers: Answers,
    batch: Batch,
    *,
    weights: LossWeights,
    class_weights: Float[Tensor, " k"],
    progress: float,
    known: Known,
) -> dict[str, Float[Tensor, ""]]:
    """Weighted losses by task.

    Args:
        answers: to the batch.
        batch: the truth.
        weights: of the tasks.
        class_weights: of the classes.
        progress: share of the run that is done, in [0, 1].
        known: of the whole batch where this is a part of it.
    """
    maps = answers.maps
    b, n = batch.labels.shape[:2]
    found: dict[str, Tensor] = {}
    if maps.logits is not None:
        real = not batch.rendered
        weight = weights.segmentation if real else weights.scene_segmentation
        logits = upsample(maps.logits.float(), 4, None)
        each = segmentation_loss(logits, batch.labels, class_weights)
        value = weight * each.sum() / max(known.labels, 1)
        found["segmentation" if real else "scene_segmentation"] = value
    if maps.depth is not None and known.depth:
        each = depth_loss(
            maps.depth.relative_inverse_depth.unflatten(0, (b, n)),
            maps.depth.log_uncertainty.unflatten(0, (b, n)),
            at_centres(batch.inverse_depth, 4, *maps.depth.relative_inverse_depth.shape[1:]),
        )
        found["depth"] = weights.depth * each.sum() / known.depth
    if batch.flow is not None and answers.flow is not None:
        share = min(max(progress - L1_UNTIL, 0.0) / L1_FADES, 1.0)
        each = flow_loss(answers.flow, batch.flow, likelihood=share)
        found["flow"] = weights.flow * each.sum() / max(known.flow, 1)
    return found


class Objective(nn.Module):
    """The losses as a module: a sharded model has to be called through one."""

    def __init__(self, model: DenseModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        batch: Batch,
        *,
        weights: LossWeights,
        class_weights: Float[Tensor, " k"],
        chance: Chance,
        known: Known,
    ) -> dict[str, Float[Tensor, ""]]:
        return losses(
            self.model,
            batch,
            weights=weights,
            class_weights=class_weights,
            chance=chance,
            known=known,
        )


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
        grey=both.grey[rows],
        placement=windows.placement,
    )
