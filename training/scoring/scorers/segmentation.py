"""Segmentation of one data set. Axes: h w pixels, k classes."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from training.data.sample import Sample
from training.metrics.segmentation import SegmentationScore
from training.scoring.scorers.case import Case, Cases, ImageScore
from training.scoring.scorers.line import OWN, Line


@dataclass(frozen=True, kw_only=True)
class SegmentationFindings:
    """What a report shows of it."""

    title: str
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    """(k, k) pixels, rows the truth, columns the answers."""
    iou_per_class: tuple[float, ...]
    """NaN for a class that neither the truth nor the answers hold."""
    cases: Cases
    per_image: tuple[ImageScore, ...]
    """Pixel accuracy."""


@dataclass(kw_only=True)
class SegmentationScorer:
    """Gathers images."""

    class_names: tuple[str, ...]
    score: SegmentationScore = field(init=False)
    cases: Cases = field(default_factory=lambda: Cases(num_worst=4), init=False)
    per_image: list[ImageScore] = field(default_factory=list, init=False)
    num_images: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.score = SegmentationScore(num_classes=len(self.class_names))

    def add(self, sample: Sample, prediction: Prediction) -> None:
        """Count one image; an image without any labelled pixel counts as an image alone."""
        assert sample.labels is not None
        assert prediction.labels is not None
        self.num_images += 1
        alone = SegmentationScore(num_classes=len(self.class_names))
        alone.add(prediction.labels, sample.labels)
        self.score.sums += alone.sums
        if not alone.sums.any():
            return
        result = alone.result()
        self.per_image.append(ImageScore(name=sample.name, value=result.pixel_accuracy))
        self.cases.add(
            Case(
                name=sample.name,
                badness=1 - result.pixel_accuracy,
                scores={"pixel_accuracy": result.pixel_accuracy},
                image=sample.image,
                truth=sample.labels,
                answer=prediction.labels,
            )
        )

    def lines(self) -> list[Line]:
        """The model's own line: there is no baseline."""
        result = self.score.result()
        scores = {"miou": result.miou, "pixel_accuracy": result.pixel_accuracy}
        for name, iou in zip(self.class_names, result.iou_per_class, strict=True):
            scores[f"iou_{name}"] = iou
        return [Line(method=OWN, num_images=self.num_images, scores=scores)]

    def findings(self, title: str) -> SegmentationFindings:
        """What was seen, under the data set's title."""
        return SegmentationFindings(
            title=title,
            class_names=self.class_names,
            confusion=self.score.sums,
            iou_per_class=self.score.result().iou_per_class,
            cases=self.cases,
            per_image=tuple(self.per_image),
        )
