"""Scores of a model on every data set that is there, beside baselines run on the same images."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from models.task import CLASS_NAMES
from training.baselines import best_plane, dis_flow, zero_flow
from training.data.sample import Sample
from training.metrics.depth import DepthScore
from training.metrics.flow import FlowScore
from training.metrics.segmentation import SegmentationScore
from training.suites import DEPTH, FLOW, SEGMENTATION, Suite

Predict = Callable[[NDArray[np.uint8], NDArray[np.uint8] | None], Prediction]
"""An image (h, w, 3), and perhaps the next one, to maps of its size."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table: a model or a baseline on one data set."""

    suite: str
    title: str
    method: str
    num_images: int
    scores: dict[str, float]


def evaluate(
    predict: Predict, *, quick: bool, only: tuple[str, ...] = (), on_start: Callable[[str], None]
) -> dict[str, list[Row]]:
    """Every table, by task.

    Args:
        predict: the model.
        quick: some frames of the long data sets alone.
        only: keys of suites; all where empty.
        on_start: called with the title of each data set.

    Raises:
        FileFormatError: a data set is missing or broken.
    """
    tables: dict[str, list[Row]] = {"segmentation": [], "flow": [], "depth": []}
    for task, suites, score in (
        ("segmentation", SEGMENTATION, _segmentation),
        ("flow", FLOW, _flow),
        ("depth", DEPTH, _depth),
    ):
        for suite in suites:
            if only and suite.key not in only:
                continue
            on_start(f"{task}: {suite.title}")
            for method, count, scores in score(predict, suite, suite.samples(quick=quick)):
                tables[task].append(
                    Row(
                        suite=suite.key,
                        title=suite.title,
                        method=method,
                        num_images=count,
                        scores=scores,
                    )
                )
    return tables


Line = tuple[str, int, dict[str, float]]


def _segmentation(predict: Predict, _: Suite, samples: Iterable[Sample]) -> list[Line]:
    score = SegmentationScore(num_classes=len(CLASS_NAMES))
    count = 0
    for sample in samples:
        assert sample.labels is not None
        labels = predict(sample.image, None).labels
        assert labels is not None
        score.add(labels, sample.labels)
        count += 1
    result = score.result()
    scores = {"miou": result.miou, "pixel_accuracy": result.pixel_accuracy}
    for name, iou in zip(CLASS_NAMES, result.iou_per_class, strict=True):
        scores[f"iou_{name}"] = iou
    return [("ours", count, scores)]


def _flow(predict: Predict, _: Suite, samples: Iterable[Sample]) -> list[Line]:
    scores = {"ours": FlowScore(), "DIS medium": FlowScore(), "zero": FlowScore()}
    count = 0
    for sample in samples:
        assert sample.next_image is not None
        assert sample.flow is not None
        ours = predict(sample.image, sample.next_image).flow
        assert ours is not None
        scores["ours"].add(ours, sample.flow, sample.occluded)
        dis = dis_flow(sample.image, sample.next_image)
        scores["DIS medium"].add(dis, sample.flow, sample.occluded)
        scores["zero"].add(zero_flow(sample.size), sample.flow, sample.occluded)
        count += 1
    lines: list[Line] = []
    for method, score in scores.items():
        result = score.result()
        values = {"epe": result.epe, "outlier_1px": result.outlier_1px, "fl_all": result.fl_all}
        values["epe_noc"] = score.result_noc().epe
        lines.append((method, count, values))
    return lines


def _depth(predict: Predict, suite: Suite, samples: Iterable[Sample]) -> list[Line]:
    scores = {
        method: DepthScore(alignment="scale_shift", far_m=suite.far_m)
        for method in ("ours", "best plane of the truth")
    }
    count = 0
    for sample in samples:
        if sample.inverse_depth is None:
            continue
        ours = predict(sample.image, None).depth
        assert ours is not None
        scores["ours"].add(ours, sample.inverse_depth)
        scores["best plane of the truth"].add(
            best_plane(sample.inverse_depth), sample.inverse_depth
        )
        count += 1
    lines: list[Line] = []
    for method, score in scores.items():
        r = score.result()
        lines.append((method, count, {"abs_rel": r.abs_rel, "delta1": r.delta1, "rmse": r.rmse}))
    return lines


def as_markdown(tables: dict[str, list[Row]]) -> str:
    """The tables as BENCHMARKS.md holds them."""
    parts = []
    for task, rows in tables.items():
        if not rows:
            continue
        keys = list(rows[0].scores)
        lines = [
            f"### {task}",
            "",
            f"| data set | images | method | {' | '.join(keys)} |",
            f"| --- | --- | --- |{' --- |' * len(keys)}",
        ]
        for row in rows:
            values = " | ".join(f"{row.scores[key]:.3f}" for key in keys)
            lines.append(f"| {row.title} | {row.num_images} | {row.method} | {values} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
