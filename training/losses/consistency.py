"""What a lower resolution minimises to say what a higher one says.

The teacher's map lies on the student's cells already. Source: ResFormer (arXiv 2212.00776), section
3.2, for the features; labels and depth are ours.

Axes: b samples, n windows, bn windows of all samples, c channels, rows cols cells.
"""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from training.losses.depth import MIN_KNOWN, normalise


def feature_consistency(
    own: Float[Tensor, "bn c rows cols"],
    theirs: Float[Tensor, "bn c rows cols"],
    both: Bool[Tensor, "bn rows cols"],
) -> Float[Tensor, ""]:
    """Smooth L1 of raw features to the teacher's, normalised over channels without parameters."""
    channels_last = theirs.permute(0, 2, 3, 1)
    target = F.layer_norm(channels_last, channels_last.shape[-1:], eps=1e-6).permute(0, 3, 1, 2)
    return mean_over(F.smooth_l1_loss(own.float(), target, reduction="none").mean(1), both)


def label_consistency(
    logits: Float[Tensor, "bn classes rows cols"],
    theirs: Float[Tensor, "bn classes rows cols"],
    both: Bool[Tensor, "bn rows cols"],
) -> Float[Tensor, ""]:
    """Kullback-Leibler divergence of the student's probabilities from the teacher's."""
    divergence = F.kl_div(F.log_softmax(logits.float(), 1), theirs, reduction="none")
    return mean_over(divergence.sum(1), both)


def depth_consistency(
    own: Float[Tensor, "b n rows cols"],
    theirs: Float[Tensor, "b n rows cols"],
    both: Bool[Tensor, "b n rows cols"],
) -> Float[Tensor, ""]:
    """Smooth L1 of maps without their scale and shift, which mean nothing."""
    enough = both.flatten(1).sum(1) >= MIN_KNOWN
    if not bool(enough.any()):
        return own.sum() * 0.0
    own, theirs, both = own[enough], theirs[enough], both[enough]
    error = F.smooth_l1_loss(
        normalise(own.float(), both)[0], normalise(theirs, both)[0], reduction="none"
    )
    return mean_over(error, both)


def flow_consistency(
    own: Float[Tensor, "bn 2 rows cols"],
    theirs: Float[Tensor, "bn 2 rows cols"],
    both: Bool[Tensor, "bn rows cols"],
) -> Float[Tensor, ""]:
    """Smooth L1 per axis, beta 1 px; both in pixels of the student."""
    return mean_over(F.smooth_l1_loss(own.float(), theirs, reduction="none").mean(1), both)


def mean_over(x: Float[Tensor, "*axes"], counted: Bool[Tensor, "*axes"]) -> Float[Tensor, ""]:
    """Mean of what is counted; zero where nothing is."""
    return x.masked_fill(~counted, 0.0).sum() / counted.sum().clamp(min=1)
