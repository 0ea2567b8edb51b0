"""How steady the labels of a clip are. Axes: h w pixels."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.sample import Sample
from training.metrics.temporal import TemporalScore, warp_labels
from training.scoring.scorers.case import Case, Cases, ImageScore
from training.scoring.scorers.line import OWN, Line

BY_HAND = "true labels, drawn by hand"
"""The truth as a method: nobody draws two frames alike, and the flow is not perfect."""


@dataclass(frozen=True, kw_only=True)
class TemporalFindings:
    """What a report shows of it."""

    title: str
    class_names: tuple[str, ...]
    whose_flow: str
    num_frames: int
    agreement: float
    consistency: float
    share_compared: float
    cases: Cases
    """Truth: the last frame's labels, warped; answer: this frame's."""
    per_image: tuple[ImageScore, ...]
    """Share of the compared pixels that agree."""


@dataclass(kw_only=True)
class TemporalScorer:
    """Gathers frames, each with the one before it."""

    class_names: tuple[str, ...]
    whose_flow: str
    """Said beside the scores: better flow makes them higher."""
    score: TemporalScore = field(init=False)
    by_hand: TemporalScore = field(init=False)
    cases: Cases = field(default_factory=lambda: Cases(num_worst=3), init=False)
    per_image: list[ImageScore] = field(default_factory=list, init=False)
    num_frames: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.score = TemporalScore(num_classes=len(self.class_names))
        self.by_hand = TemporalScore(num_classes=len(self.class_names))

    def add(
        self,
        last: Sample,
        sample: Sample,
        *,
        last_labels: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        flow_back: NDArray[np.float32],
        flow_forth: NDArray[np.float32],
    ) -> None:
        """Count one frame.

        Args:
            last: the frame before `sample`.
            sample: the frame.
            last_labels: (h, w) the model's answer to `last`.
            labels: (h, w) the model's answer to `sample`.
            flow_back: (h, w, 2) in px, from `sample` to `last`.
            flow_forth: (h, w, 2) in px, from `last` to `sample`.
        """
        self.num_frames += 1
        warped = warp_labels(last_labels, flow_back, flow_forth)
        alone = TemporalScore(num_classes=len(self.class_names))
        alone.add(labels, warped)
        self.score.matrix.sums += alone.matrix.sums
        self.score.num_pixels += alone.num_pixels
        if last.labels is not None and sample.labels is not None:
            drawn = warp_labels(last.labels, flow_back, flow_forth)
            both = (drawn != IGNORE_INDEX) & (sample.labels != IGNORE_INDEX)
            self.by_hand.add(np.where(both, sample.labels, np.uint8(IGNORE_INDEX)), drawn)
        if not alone.matrix.sums.any():
            return
        agreement = alone.result().agreement
        self.per_image.append(ImageScore(name=sample.name, value=agreement))
        self.cases.add(
            Case(
                name=sample.name,
                badness=1 - agreement,
                scores={"temporal_agreement": agreement},
                image=sample.image,
                truth=warped,
                answer=labels,
            )
        )

    def has_pixels(self) -> bool:
        """Whether any pixel was compared."""
        return bool(self.score.matrix.sums.any())

    def lines(self) -> list[Line]:
        """The model's line, and that of the labels drawn by hand."""
        return [
            Line(method=method, num_images=self.num_frames, scores=_scores(score))
            for method, score in ((OWN, self.score), (BY_HAND, self.by_hand))
            if score.matrix.sums.any()
        ]

    def findings(self, title: str) -> TemporalFindings:
        """What was seen, under the clip's title."""
        result = self.score.result()
        return TemporalFindings(
            title=title,
            class_names=self.class_names,
            whose_flow=self.whose_flow,
            num_frames=self.num_frames,
            agreement=result.agreement,
            consistency=result.consistency,
            share_compared=result.share_compared,
            cases=self.cases,
            per_image=tuple(self.per_image),
        )


def _scores(score: TemporalScore) -> dict[str, float]:
    result = score.result()
    return {
        "temporal_consistency": result.consistency,
        "temporal_agreement": result.agreement,
        "share_compared": result.share_compared,
    }
