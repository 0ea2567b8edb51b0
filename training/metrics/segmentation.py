"""Segmentation scores of a data set: counts are gathered over all images, then divided."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX


@dataclass(frozen=True, kw_only=True)
class SegmentationResult:
    """Higher is better."""

    miou: float
    """Mean of `iou_per_class` over the classes that are present."""
    pixel_accuracy: float
    """Correct / counted pixels."""
    iou_per_class: tuple[float, ...]
    """TP / (TP + FP + FN); NaN for a class that neither the truth nor the answers hold."""


@dataclass(kw_only=True)
class SegmentationScore:
    """Counts of (true class, predicted class). `sums` of several processes are simply added."""

    num_classes: int
    sums: NDArray[np.int64] = field(init=False)
    """(num_classes, num_classes), rows the truth, columns the answers."""

    def __post_init__(self) -> None:
        self.sums = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)

    def add(self, labels: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
        """Count one image or a batch of any shape.

        Args:
            labels: predicted classes.
            target: true classes, IGNORE_INDEX where not counted.

        Raises:
            ValueError: shapes differ, or a counted pixel holds no class.
        """
        if labels.shape != target.shape:
            raise ValueError(f"labels are {labels.shape}, the target is {target.shape}: same shape")
        counted = target != IGNORE_INDEX
        truth = target[counted].astype(np.int64)
        answers = labels[counted].astype(np.int64)
        for what, values in (("target", truth), ("labels", answers)):
            if values.size and values.max() >= self.num_classes:
                raise ValueError(
                    f"{what} holds {values.max()} at a counted pixel, "
                    f"expected 0-{self.num_classes - 1}: map void to {IGNORE_INDEX} in the target"
                )
        cells = np.bincount(truth * self.num_classes + answers, minlength=self.sums.size)
        self.sums += cells.reshape(self.sums.shape)

    def result(self) -> SegmentationResult:
        """The scores so far.

        Raises:
            ValueError: no pixel was counted. A mean over nothing has no meaning.
        """
        if not self.sums.any():
            raise ValueError("no pixel was counted: add images with labelled pixels first")
        correct = np.diagonal(self.sums).astype(np.float64)
        union = self.sums.sum(axis=0) + self.sums.sum(axis=1) - correct
        iou = np.divide(correct, union, out=np.full_like(correct, np.nan), where=union > 0)
        return SegmentationResult(
            miou=float(np.nanmean(iou)),
            pixel_accuracy=float(correct.sum() / self.sums.sum()),
            iou_per_class=tuple(float(value) for value in iou),
        )
