"""Depth of one data set, beside the best plane. Axes: h w pixels."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from training.data.sample import Sample
from training.metrics.bins import BinnedError
from training.metrics.depth import DepthScore, counted_pixels, fit
from training.metrics.uncertainty import Sparsification, UncertaintyScore
from training.scoring.baselines import best_plane
from training.scoring.scorers.case import Case, Cases, ImageScore
from training.scoring.scorers.line import OWN, Line

PLANE = "best plane of the truth"


@dataclass(frozen=True, kw_only=True)
class DepthFindings:
    """What a report shows of it."""

    title: str
    conditions: str
    unit: str
    range: dict[str, BinnedError]
    """By method: abs(d - t) / t by true depth t, after alignment."""
    sparsification: Sparsification | None
    """Of the error in inverse depth. None without uncertainty or without error."""
    cases: Cases
    """Truth and answer are inverse depths; error is abs(d - t) / t."""
    per_image: tuple[ImageScore, ...]
    """AbsRel."""


@dataclass(kw_only=True)
class DepthScorer:
    """Gathers images. Answers are aligned by scale and shift, per image."""

    far_m: float
    edges: tuple[float, ...]
    """Of true depth, for the error by range; the unit of `far_m`."""
    scores: dict[str, DepthScore] = field(init=False)
    range: dict[str, BinnedError] = field(init=False)
    uncertainty: UncertaintyScore = field(default_factory=UncertaintyScore, init=False)
    cases: Cases = field(default_factory=lambda: Cases(num_worst=2), init=False)
    per_image: list[ImageScore] = field(default_factory=list, init=False)
    num_images: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        methods = (OWN, PLANE)
        self.scores = {m: DepthScore(alignment="scale_shift", far_m=self.far_m) for m in methods}
        self.range = {method: BinnedError(edges=self.edges) for method in methods}

    def add(self, sample: Sample, prediction: Prediction) -> None:
        """Count one image; one with hardly any depth is left out."""
        if sample.inverse_depth is None:
            return
        counted = counted_pixels(sample.inverse_depth, far_m=self.far_m)
        if counted.sum() < 3:  # too few to lay a plane through
            return
        assert prediction.depth is not None
        self.num_images += 1
        self.scores[OWN].add(prediction.depth, sample.inverse_depth)
        # The plane is laid through the pixels that count, or it would not be the best.
        plane = best_plane(np.where(counted, sample.inverse_depth, np.float32(np.nan)))
        self.scores[PLANE].add(plane, sample.inverse_depth)
        aligned, scale = self._aligned(prediction.depth, sample.inverse_depth, counted)
        error = _relative_error(aligned, sample.inverse_depth, counted)
        depth_m = 1 / sample.inverse_depth[counted]
        self.range[OWN].add(depth_m, error[counted])
        flat, _ = self._aligned(plane, sample.inverse_depth, counted)
        self.range[PLANE].add(
            depth_m, _relative_error(flat, sample.inverse_depth, counted)[counted]
        )
        spread = prediction.depth_uncertainty
        relative = None
        if spread is not None:
            # Both in the unit of the truth's inverse depth, so that images can be pooled.
            expected = np.abs(spread.astype(np.float32) * np.float32(scale))
            missed = np.abs(aligned - sample.inverse_depth)
            self.uncertainty.add(np.where(counted, missed, np.float32(np.nan)), expected)
            relative = expected / np.maximum(aligned, np.float32(1 / self.far_m))
        abs_rel = float(error[counted].mean())
        self.per_image.append(ImageScore(name=sample.name, value=abs_rel))
        self.cases.add(
            Case(
                name=sample.name,
                badness=abs_rel,
                scores={"abs_rel": abs_rel},
                image=sample.image,
                truth=np.where(counted, sample.inverse_depth, np.float32(np.nan)),
                answer=aligned,
                error=error,
                uncertainty=relative,
            )
        )

    def _aligned(
        self,
        prediction: NDArray[np.float32],
        inverse_depth: NDArray[np.float32],
        counted: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], float]:
        """The whole map at the scale of the truth, not farther than `far_m`; and its factor."""
        line = fit(
            prediction[counted].astype(np.float64),
            inverse_depth[counted].astype(np.float64),
            "scale_shift",
        )
        aligned = np.maximum(line.scale * prediction + line.shift, 1 / self.far_m)
        return np.asarray(aligned, dtype=np.float32), line.scale

    def lines(self) -> list[Line]:
        """The model's line and the plane's."""
        curve = self.sparsification()
        found = []
        for method, score in self.scores.items():
            r = score.result()
            values = {"abs_rel": r.abs_rel, "delta1": r.delta1, "rmse": r.rmse}
            if method == OWN and curve is not None:
                values["ause"] = curve.ause
            found.append(Line(method=method, num_images=self.num_images, scores=values))
        return found

    def sparsification(self) -> Sparsification | None:
        """None where there is nothing to order, or nothing to order by."""
        return self.uncertainty.sparsification() if self.uncertainty.has_errors() else None

    def findings(self, title: str, *, conditions: str, unit: str) -> DepthFindings:
        """What was seen, under the data set's title."""
        return DepthFindings(
            title=title,
            conditions=conditions,
            unit=unit,
            range=self.range,
            sparsification=self.sparsification(),
            cases=self.cases,
            per_image=tuple(self.per_image),
        )


def _relative_error(
    aligned: NDArray[np.float32], inverse_depth: NDArray[np.float32], counted: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(h, w) abs(d - t) / t of depths d and t, NaN where not counted."""
    # With inverse depths a and b it is abs(1/a - 1/b) * b = abs(b - a) / a.
    error = np.abs(np.nan_to_num(inverse_depth) - aligned) / aligned
    return np.where(counted, error, np.float32(np.nan)).astype(np.float32)
