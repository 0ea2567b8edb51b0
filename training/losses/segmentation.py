"""What segmentation minimises: balanced cross-entropy and soft Dice.

Axes: b samples, n windows, k classes, h w pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from models.task import IGNORE_INDEX


def segmentation_loss(
    logits: Float[Tensor, "bn k h w"],
    labels: UInt8[Tensor, "b n h w"],
    class_weights: Float[Tensor, " k"],
) -> Float[Tensor, " b"]:
    """Weighted cross-entropy plus half of one minus the mean Dice overlap of the classes present.

    Zero, with a gradient of zero, where no pixel is labelled. Dice follows V-Net (arXiv 1606.04797)
    with plain sums in the denominator; counts run over all windows of a sample.
    """
    b = labels.shape[0]
    target = labels.flatten(0, 1).long()
    known = target != IGNORE_INDEX
    log_p = F.log_softmax(logits.float(), dim=1)
    safe = target.masked_fill(~known, 0)
    weight = class_weights[safe] * known
    picked = log_p.gather(1, safe[:, None])[:, 0]
    cross_entropy = -_total(picked * weight, b) / _total(weight, b).clamp(min=1.0)

    p = log_p.exp() * known[:, None]
    num_classes = logits.shape[1]
    own = _per_class(picked.exp() * known, safe, b, num_classes)
    count = _per_class(known.to(p.dtype), safe, b, num_classes)
    everywhere = p.sum((2, 3)).unflatten(0, (b, -1)).sum(1)
    dice = 2 * own / (everywhere + count).clamp(min=1.0)
    present = (count > 0).float()
    overlap = 1 - (dice * present).sum(1) / present.sum(1).clamp(min=1.0)
    loss: Tensor = cross_entropy + 0.5 * overlap * (count.sum(1) > 0)
    return loss


def _total(x: Float[Tensor, "bn h w"], b: int) -> Float[Tensor, " b"]:
    return x.reshape(b, -1).sum(1)


def _per_class(
    x: Float[Tensor, "bn h w"], classes: Int[Tensor, "bn h w"], b: int, num_classes: int
) -> Float[Tensor, "b k"]:
    """Sums of x over the pixels of each class of each sample."""
    sample = torch.arange(b, device=x.device)[:, None] * num_classes
    index = (classes.reshape(b, -1) + sample).flatten()
    return x.new_zeros(b * num_classes).index_add(0, index, x.flatten()).reshape(b, num_classes)


def balanced_weights(share: Float[Tensor, " k"], *, power: float = 0.5) -> Float[Tensor, " k"]:
    """Class weights (median share / share) ^ power, kept within [0.3, 3].

    The median is that of the classes that occur. Power 1 is the median frequency balancing of
    SegNet (arXiv 1511.00561, section 4.1).
    """
    return ((share[share > 0].median() / share.clamp(min=1e-6)) ** power).clamp(0.3, 3.0)
