"""ResFormer's step: the same crops at several resolutions, each resolution teaching the next lower.

All copies go through the network before one update, each with colours of its own. Besides its
tasks' losses a copy learns to say what the next higher one says: the teacher's maps are averaged to
the cells of the student, and no gradient flows back into them.

Source: ResFormer (arXiv 2212.00776), sections 3.1 and 3.2, where the class token alone is made
consistent. Dense features, labels, depth and flow are ours, and copies share their crop for it.

Axes: b samples, n windows, bn windows of all samples, c channels, rows cols cells.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.dense_model import DenseModel
from models.windows import Placement
from training.data.batch import Batch
from training.data.grid import MIN_SHARE, average
from training.data.recolour import recoloured
from training.data.resized import Copy, resized
from training.losses.consistency import (
    depth_consistency,
    feature_consistency,
    flow_consistency,
    label_consistency,
)
from training.recipe import LossWeights, MultiResolutionConfig
from training.step import (
    Answers,
    Chance,
    Known,
    Objective,
    answer,
    count_known,
    not_blank,
    task_losses,
)

FLOW_STRIDE: Final = 4
"""Of the flow that is made consistent: the finest one that every head has beside the full size."""


class MultiResolutionObjective(Objective):
    """The losses at several resolutions as a module."""

    def __init__(self, model: DenseModel, config: MultiResolutionConfig) -> None:
        super().__init__(model)
        self.config = config

    def forward(
        self,
        batch: Batch,
        *,
        weights: LossWeights,
        class_weights: Float[Tensor, " k"],
        chance: Chance,
        known: Known,
    ) -> dict[str, Float[Tensor, ""]]:
        return multi_resolution_losses(
            self.model,
            batch,
            config=self.config,
            weights=weights,
            class_weights=class_weights,
            chance=chance,
            known=known,
        )


def multi_resolution_losses(
    model: DenseModel,
    batch: Batch,
    *,
    config: MultiResolutionConfig,
    weights: LossWeights,
    class_weights: Float[Tensor, " k"],
    chance: Chance,
    known: Known | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Weighted losses of the tasks and of the consistency, means over the copies, to be summed.

    Every copy's activations are kept until the backward pass: memory is the sum over the copies.

    Args:
        model: in training.
        batch: or a part of one.
        config: sizes, and weights of the consistency.
        weights: of the tasks.
        class_weights: of the classes.
        chance: random choices, those of the whole batch.
        known: of the whole batch where this is a part of it, see training.step.losses.

    Raises:
        ValueError: a window is too small for the smallest size.
    """
    known = known or count_known(batch)
    shares = not_blank(batch) / max(known.samples, 1)
    rng = np.random.default_rng(chance.seed)
    found: dict[str, Tensor] = {}
    above: tuple[Answers, Copy] | None = None
    for size in reversed(config.sizes):
        copy = resized(batch, size)
        copy = replace(copy, batch=recoloured(copy.batch, rng))
        answers = answer(model, copy.batch, chance)
        terms = task_losses(
            answers,
            copy.batch,
            weights=weights,
            class_weights=class_weights,
            progress=chance.progress,
            known=known,
        )
        if above is not None:
            kinds = consistency(answers, copy, *above, config=config)
            terms |= {name: (each * shares).sum() for name, each in kinds.items()}
        for name, value in terms.items():
            found[name] = found.get(name, 0.0) + value / len(config.sizes)
        above = answers, copy
    return found


def consistency(
    student: Answers,
    copy: Copy,
    teacher: Answers,
    teacher_copy: Copy,
    *,
    config: MultiResolutionConfig,
) -> dict[str, Float[Tensor, " b"]]:
    """How far the student's answers are from those of a higher resolution, by kind, weighted.

    Args:
        student: answers at the lower resolution.
        copy: what it saw.
        teacher: answers at the higher resolution, which get no gradient.
        teacher_copy: what it saw.
        config: weights; a kind whose weight is zero is left out.
    """
    pair = _Pair(copy, student.encoded.placement, teacher_copy, teacher.encoded.placement)
    found: dict[str, Tensor] = {}
    if config.features:
        own, theirs = (x.encoded.pyramid[config.feature_stride] for x in (student, teacher))
        expected, both = pair.lowered(theirs, config.feature_stride)
        found["features"] = config.features * feature_consistency(own, expected, both)
    if config.labels and student.maps.logits is not None and teacher.maps.logits is not None:
        expected, both = pair.lowered(teacher.maps.logits.float().softmax(1), 4)
        found["labels"] = config.labels * label_consistency(student.maps.logits, expected, both)
    if config.depth and student.maps.depth is not None and teacher.maps.depth is not None:
        own, theirs = (x.relative_inverse_depth for x in (student.maps.depth, teacher.maps.depth))
        expected, both = pair.lowered(theirs[:, None], 4)
        found["depth"] = config.depth * depth_consistency(own, expected[:, 0], both)
    if config.flow and student.flow is not None and teacher.flow is not None:
        own, theirs = (
            next(e.flow for e in reversed(estimates) if e.stride == FLOW_STRIDE)
            for estimates in (student.flow, teacher.flow)
        )
        expected, both = pair.lowered(theirs, FLOW_STRIDE)
        down, right = (a / b for a, b in zip(copy.factor, teacher_copy.factor, strict=True))
        expected = expected * expected.new_tensor([right, down])[:, None, None]
        found["flow"] = config.flow * flow_consistency(own, expected, both)
    return {f"{name}_consistency": value for name, value in found.items()}


class _Pair:
    """Two resolutions of one batch."""

    def __init__(
        self, copy: Copy, placement: Placement, above: Copy, placement_above: Placement
    ) -> None:
        self.copy, self.placement = copy, placement
        self.above, self.placement_above = above, placement_above

    @torch.no_grad()
    def lowered(
        self, theirs: Float[Tensor, "bn c rows2 cols2"], stride: int
    ) -> tuple[Float[Tensor, "bn c rows cols"], Bool[Tensor, "b n rows cols"]]:
        """The teacher's map on the student's cells, and the cells that are inside both."""
        inside = self.placement_above.inside(stride, theirs.shape[2], theirs.shape[3])
        mean, share = average(
            theirs.detach(), inside, self.above.grid(stride), self.copy.grid(stride)
        )
        both = share >= MIN_SHARE
        own_inside = self.placement.inside(stride, mean.shape[2], mean.shape[3])
        if own_inside is not None:
            both = both & own_inside
        return mean, both.unflatten(0, self.copy.batch.origins.shape[:2])
