"""Flow of one data set, beside baselines on the same pairs. Axes: h w pixels."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from training.data.sample import Sample
from training.metrics.bins import BinnedError, Quantile, by_quantile
from training.metrics.flow import FlowScore
from training.metrics.picked import PickedPixels
from training.metrics.uncertainty import Sparsification, UncertaintyScore
from training.scoring.baselines import dis_flow, zero_flow
from training.scoring.benchmarks import BenchmarkScore
from training.scoring.scorers.case import Case, Cases, ImageScore
from training.scoring.scorers.line import OWN, Line

DIS = "DIS medium"
SPEED_EDGES_PX = (0.0, 10.0, 40.0, math.inf)
"""s0-10, s10-40, s40+: what MPI-Sintel's table is split by."""
PART = "ours, part: "


@dataclass(frozen=True, kw_only=True)
class FlowFindings:
    """What a report shows of it."""

    title: str
    speed: dict[str, BinnedError]
    """By method: end-point error in px by SPEED_EDGES_PX."""
    methods: tuple[str, ...]
    deciles: tuple[Quantile, ...]
    """End-point error of `methods` by tenths of the true speed, px."""
    sparsification: Sparsification | None
    """None where the model says no uncertainty, or makes no error."""
    cases: Cases
    per_image: tuple[ImageScore, ...]
    """End-point error, px."""


@dataclass(kw_only=True)
class FlowScorer:
    """Gathers pairs."""

    scores: dict[str, FlowScore] = field(
        default_factory=lambda: {OWN: FlowScore(), DIS: FlowScore(), "zero": FlowScore()},
        init=False,
    )
    speed: dict[str, BinnedError] = field(
        default_factory=lambda: {m: BinnedError(edges=SPEED_EDGES_PX) for m in (OWN, DIS)},
        init=False,
    )
    benchmark: BenchmarkScore = field(default_factory=BenchmarkScore, init=False)
    uncertainty: UncertaintyScore = field(default_factory=UncertaintyScore, init=False)
    picked: PickedPixels = field(default_factory=lambda: PickedPixels(num_columns=3), init=False)
    """True speed, our error, DIS's error, px."""
    cases: Cases = field(default_factory=lambda: Cases(num_worst=2), init=False)
    per_image: list[ImageScore] = field(default_factory=list, init=False)
    num_pairs: int = field(default=0, init=False)

    def add(self, sample: Sample, prediction: Prediction) -> None:
        """Count one pair."""
        assert sample.next_image is not None
        assert sample.flow is not None
        assert prediction.flow is not None
        flows = {
            OWN: prediction.flow,
            DIS: dis_flow(sample.image, sample.next_image),
            "zero": zero_flow(sample.size),
        }
        for method, flow in flows.items():
            self.scores[method].add(flow, sample.flow, sample.occluded)
        self.benchmark.add(sample, prediction.flow)
        self.num_pairs += 1
        known = np.isfinite(sample.flow).all(axis=-1)
        if not known.any():
            return
        error = {method: end_point_error(flows[method], sample.flow) for method in (OWN, DIS)}
        speed = np.linalg.norm(sample.flow[known], axis=-1)
        for method, bins in self.speed.items():
            bins.add(speed, error[method][known])
        self.picked.add(speed, error[OWN][known], error[DIS][known])
        spread = prediction.flow_uncertainty
        if spread is not None:
            self.uncertainty.add(error[OWN], spread)
        epe = float(error[OWN][known].mean())
        self.per_image.append(ImageScore(name=sample.name, value=epe))
        self.cases.add(
            Case(
                name=sample.name,
                badness=epe,
                scores={"epe": epe, "epe of DIS": float(error[DIS][known].mean())},
                image=sample.image,
                truth=sample.flow,
                answer=prediction.flow,
                error=error[OWN],
                uncertainty=None if spread is None else spread.astype(np.float32),
            )
        )

    def lines(self) -> list[Line]:
        """The model's line, DIS's and that of standing still."""
        found = []
        curve = self.sparsification()
        for method, score in self.scores.items():
            result = score.result()
            values = {"epe": result.epe, "outlier_1px": result.outlier_1px, "fl_all": result.fl_all}
            if score.sums[0].any():
                values["epe_noc"] = score.result_noc().epe
            if method == OWN and curve is not None:
                values["ause"] = curve.ause
            found.append(Line(method=method, num_images=self.num_pairs, scores=values))
        return found

    def benchmark_lines(self) -> list[Line]:
        """The model's, as the data set's own benchmark scores parts of the pixels."""
        return [
            Line(method=f"{PART}{part}", num_images=self.num_pairs, scores=values)
            for part, values in self.benchmark.lines()
        ]

    def sparsification(self) -> Sparsification | None:
        """None where there is nothing to order, or nothing to order by."""
        return self.uncertainty.sparsification() if self.uncertainty.has_errors() else None

    def findings(self, title: str) -> FlowFindings:
        """What was seen, under the data set's title."""
        picked = self.picked.columns()
        return FlowFindings(
            title=title,
            speed=self.speed,
            methods=(OWN, DIS),
            deciles=by_quantile(picked[0], picked[1:]),
            sparsification=self.sparsification(),
            cases=self.cases,
            per_image=tuple(self.per_image),
        )


def end_point_error(flow: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) length of the error in px, NaN where the truth is unknown."""
    known = np.asarray(np.isfinite(target).all(axis=-1))
    difference = np.where(known[..., None], flow - np.nan_to_num(target), np.float32(np.nan))
    return np.asarray(np.hypot(difference[..., 0], difference[..., 1]), dtype=np.float32)
