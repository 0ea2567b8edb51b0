import math

import numpy as np
import pytest

from models.task import IGNORE_INDEX
from training.metrics.segmentation import SegmentationScore

TARGET = np.array([[0, 0, 1, 1], [1, 2, 2, IGNORE_INDEX]], dtype=np.uint8)
LABELS = np.array([[0, 1, 1, 1], [0, 2, 2, 3]], dtype=np.uint8)
# IoU: class 0 TP 1 FP 1 FN 1 = 1/3; class 1 TP 2 FP 1 FN 1 = 2/4; class 2 TP 2 = 1; 3 absent


def test_the_mean_is_over_classes_that_are_present() -> None:
    score = SegmentationScore(num_classes=4)
    score.add(LABELS, TARGET)
    result = score.result()
    assert result.iou_per_class[:3] == pytest.approx((1 / 3, 1 / 2, 1))
    assert math.isnan(result.iou_per_class[3])
    assert result.miou == pytest.approx((1 / 3 + 1 / 2 + 1) / 3)
    assert result.pixel_accuracy == pytest.approx(5 / 7)


def test_a_class_that_is_answered_but_never_true_counts_as_zero() -> None:
    score = SegmentationScore(num_classes=3)
    score.add(np.array([0, 2], dtype=np.uint8), np.array([0, 0], dtype=np.uint8))
    assert score.result().miou == pytest.approx((1 / 2 + 0) / 2)


def test_batches_and_processes_do_not_change_the_score() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (5, 6, 7)).astype(np.uint8)
    target = rng.choice(np.array([0, 1, 2, 3, IGNORE_INDEX], dtype=np.uint8), (5, 6, 7))
    at_once, first, second = (SegmentationScore(num_classes=4) for _ in range(3))
    at_once.add(labels, target)
    for index in range(5):
        (first if index < 2 else second).add(labels[index], target[index])
    first.sums += second.sums
    assert first.result() == at_once.result()


def test_refuses_what_would_be_counted_wrongly() -> None:
    score = SegmentationScore(num_classes=3)
    with pytest.raises(ValueError, match=r"\(4,\).*\(2, 4\)"):
        score.add(LABELS[0], TARGET)
    with pytest.raises(ValueError, match="labels holds 255 at a counted pixel, expected 0-2"):
        score.add(np.full_like(TARGET, 255), TARGET)
    with pytest.raises(ValueError, match="target holds 3"):
        score.add(TARGET, LABELS)
    with pytest.raises(ValueError, match="no pixel"):
        score.result()
