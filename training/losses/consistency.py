"""What a lower resolution minimises to say what a higher one says.

The teacher's map lies on the student's cells already. Source: ResFormer (arXiv 2212.00776), section
3.2, for the features; labels, depth and flow are ours.

Axes: b samples, n windows, bn windows of all samples, c channels, rows cols cells.
"""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from training.losses.depth import MIN_KNOWN, normalise


def feature_consistency(
    own: Float[Tensor, "bn c rows cols"],
    theirs: Float[Tensor, "bn c rows cols"],
    both: Bool[Tensor, "b n rows cols"],
) -> Float[Tensor, " b"]:
    """Smooth L1 of raw features to the teacher's, normalised over channels without parameters.

    Args:
        own: the student's.
        theirs: the teacher's, on the student's cells.
        both: cells that both have.
    """
    channels_last = theirs.permute(0, 2, 3, 1)
    target = F.layer_norm(channels_last, channels_last.shape[-1:], eps=1e-6).permute(0, 3, 1, 2)
    return _mean(F.smooth_l1_loss(own.float(), target, reduction="none").mean(1), both)


def label_consistency(
    logits: Float[Tensor, "bn classes rows cols"],
    theirs: Float[Tensor, "bn classes rows cols"],
    both: Bool[Tensor, "b n rows cols"],
) -> Float[Tensor, " b"]:
    """Kullback-Leibler divergence of the student's probabilities from the teacher's, `theirs`."""
    divergence = F.kl_div(F.log_softmax(logits.float(), 1), theirs, reduction="none")
    return _mean(divergence.sum(1), both)


def depth_consistency(
    own: Float[Tensor, "bn rows cols"],
    theirs: Float[Tensor, "bn rows cols"],
    both: Bool[Tensor, "b n rows cols"],
) -> Float[Tensor, " b"]:
    """Smooth L1 of maps without their scale and shift, which mean nothing.

    Zero for a sample with too few cells to tell them.
    """
    own, theirs = own.float().reshape(both.shape), theirs.reshape(both.shape)
    nothing = own.flatten(1).sum(1) * 0.0
    enough = (both.flatten(1).sum(1) >= MIN_KNOWN).nonzero()[:, 0]
    if not len(enough):
        return nothing
    own, theirs, both = own[enough], theirs[enough], both[enough]
    error = F.smooth_l1_loss(normalise(own, both)[0], normalise(theirs, both)[0], reduction="none")
    return nothing.index_add(0, enough, _mean(error.flatten(0, 1), both))


def flow_consistency(
    own: Float[Tensor, "bn 2 rows cols"],
    theirs: Float[Tensor, "bn 2 rows cols"],
    both: Bool[Tensor, "b n rows cols"],
) -> Float[Tensor, " b"]:
    """Smooth L1 per axis, beta 1 px; both in pixels of the student."""
    return _mean(F.smooth_l1_loss(own.float(), theirs, reduction="none").mean(1), both)


def _mean(
    x: Float[Tensor, "bn rows cols"], counted: Bool[Tensor, "b n rows cols"]
) -> Float[Tensor, " b"]:
    """Over what is counted of a sample; zero where nothing is."""
    counted = counted.flatten(1)
    total = x.reshape(counted.shape).masked_fill(~counted, 0.0).sum(1)
    return total / counted.sum(1).clamp(min=1)
