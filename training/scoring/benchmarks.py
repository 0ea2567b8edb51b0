"""Flow as data sets' own benchmarks score it, beside the metrics that all have in common."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.data.readers.kitti2015 import Kitti2015Sample
from training.data.readers.spring import SpringSample
from training.data.sample import Sample
from training.metrics.flow import FlowScore
from training.metrics.spring import SpringScore

Line = tuple[str, dict[str, float]]
"""A part of the pixels, and its scores."""


@dataclass(kw_only=True)
class BenchmarkScore:
    """Gathers pairs of data sets that have an evaluation of their own; others pass through."""

    spring: SpringScore = field(default_factory=SpringScore)
    kitti: dict[str, FlowScore] = field(
        default_factory=lambda: {"all": FlowScore(), "static": FlowScore(), "cars": FlowScore()}
    )

    def add(self, sample: Sample, flow: NDArray[np.float32]) -> None:
        """Count one pair.

        Args:
            sample: with its truth.
            flow: (h, w, 2) predicted, px.
        """
        if isinstance(sample, SpringSample):
            self.spring.add(flow, sample.fine_flow, spring_parts(sample))
        elif isinstance(sample, Kitti2015Sample):
            assert sample.flow is not None
            for name, part in (
                ("all", np.ones_like(sample.moving)),
                ("static", ~sample.moving),
                ("cars", sample.moving),
            ):
                target = np.where(part[..., None], sample.flow, np.float32(np.nan))
                self.kitti[name].add(flow, target, sample.occluded)

    def lines(self) -> list[Line]:
        """Scores by part; empty where no data set has an evaluation of its own.

        Spring's as its table has them; of KITTI 2015 Fl of all, of the static scene (its Fl-bg) and
        of moving cars (Fl-fg), each with and without occluded pixels.
        """
        found: list[Line] = []
        if self.spring.sums:
            for part, spring in self.spring.results().items():
                scores = {"outlier_1px": spring.outlier_1px, "epe": spring.epe, "fl": spring.fl}
                found.append((part, {**scores, "wauc": spring.wauc}))
        for part, score in self.kitti.items():
            if score.sums[0, 0]:
                scores = {"fl": score.result().fl_all, "epe": score.result().epe}
                found.append((part, {**scores, "fl_noc": score.result_noc().fl_all}))
        return found


def spring_parts(sample: SpringSample) -> dict[str, NDArray[np.bool_]]:
    """The parts that Spring's table has, of the maps that are there."""
    parts: dict[str, NDArray[np.bool_]] = {}
    for yes, no, flags in (
        ("high detail", "low detail", sample.detailed),
        ("unmatched", "matched", sample.unmatched),
        ("nonrigid", "rigid", sample.moving),
        ("sky", "not sky", sample.sky),
    ):
        if flags is not None:
            parts |= {no: ~flags, yes: flags}
    return parts
