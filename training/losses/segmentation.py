"""What segmentation minimises: balanced cross-entropy and soft Dice.

Axes: b images, k classes, h w pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from models.task import IGNORE_INDEX


def segmentation_loss(
    logits: Float[Tensor, "b k h w"],
    labels: UInt8[Tensor, "b h w"],
    class_weights: Float[Tensor, " k"],
) -> Float[Tensor, ""]:
    """Weighted cross-entropy plus one minus the mean Dice overlap of the classes present.

    Zero, with a gradient of zero, where no pixel is labelled. Dice follows V-Net (arXiv 1606.04797)
    with plain sums in the denominator; counts run over the batch, as mIoU's run over the data set.
    """
    target = labels.long()
    known = target != IGNORE_INDEX
    log_p = F.log_softmax(logits.float(), dim=1)
    safe = target.masked_fill(~known, 0)
    weight = class_weights[safe] * known
    picked = log_p.gather(1, safe[:, None])[:, 0]
    cross_entropy = -(picked * weight).sum() / weight.sum().clamp(min=1.0)

    p = log_p.exp() * known[:, None]
    num_classes = logits.shape[1]
    own = torch.zeros_like(class_weights).index_add(
        0, safe.flatten(), (picked.exp() * known).flatten()
    )
    count = torch.bincount(safe[known], minlength=num_classes).float()
    dice = 2 * own / (p.sum((0, 2, 3)) + count).clamp(min=1.0)
    present = (count > 0).float()
    overlap = 1 - (dice * present).sum() / present.sum().clamp(min=1.0)
    return cross_entropy + 0.5 * overlap * known.any()


def balanced_weights(share: Float[Tensor, " k"], *, power: float = 0.5) -> Float[Tensor, " k"]:
    """Class weights (median share / share) ^ power, kept within [0.3, 3].

    Power 1 is the median frequency balancing of SegNet (arXiv 1511.00561, section 4.1).
    """
    return ((share.median() / share.clamp(min=1e-6)) ** power).clamp(0.3, 3.0)
