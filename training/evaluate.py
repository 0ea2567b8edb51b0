"""Scores of a model on every data set that is there, beside baselines run on the same images.

A data set that is not there is left out with a line that says so, unless it was asked for by name.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from models.task import CLASS_NAMES, Task
from training.baselines import best_plane, dis_flow, zero_flow
from training.benchmarks import BenchmarkScore
from training.data.file_formats import FileFormatError
from training.data.sample import Sample
from training.metrics.depth import DepthScore
from training.metrics.flow import FlowScore
from training.metrics.segmentation import SegmentationScore
from training.suites import DEPTH, FLOW, SEGMENTATION, Suite

Predict = Callable[[NDArray[np.uint8], NDArray[np.uint8] | None], Prediction]
"""An image (h, w, 3), and perhaps the next one, to maps of its size."""


BENCHMARK = "flow, by the data sets' own benchmarks"
"""The table beside those of the tasks: parts of the pixels, and the errors that count there."""
PART = "ours, part: "


class OtherClassesError(ValueError):
    """A data set whose labels are not the model's classes."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table: a model or a baseline on one data set."""

    suite: str
    title: str
    method: str
    num_images: int
    conditions: str
    """What the scores depend on: alignment, range, part of the data set."""
    quick: bool
    """Scored on some frames alone."""
    scores: dict[str, float]


def evaluate(
    predict: Predict,
    *,
    quick: bool,
    tasks: Collection[str] = tuple(Task),
    class_names: tuple[str, ...] = CLASS_NAMES,
    only: Collection[str] = (),
    suites: Mapping[Task, Sequence[Suite]] | None = None,
    report: Callable[[str], None],
) -> dict[str, list[Row]]:
    """Every table, by task.

    Args:
        predict: the model.
        quick: some frames of the long data sets alone.
        tasks: what the model answers.
        class_names: the model's.
        only: keys of suites; all where empty.
        suites: data sets by task, all of which must be there; by default those of suites.py.
        report: called with a line for each data set.

    Raises:
        ValueError: no suite has such a key, or a given data set has other classes.
        FileFormatError: a data set that was asked for by name is missing, or one is broken.
    """
    asked = bool(only) or suites is not None
    chosen = suites or {Task.SEGMENTATION: SEGMENTATION, Task.FLOW: FLOW, Task.DEPTH: DEPTH}
    scorers = (
        (Task.SEGMENTATION, chosen.get(Task.SEGMENTATION, ()), _segmentation),
        (Task.FLOW, chosen.get(Task.FLOW, ()), _flow),
        (Task.DEPTH, chosen.get(Task.DEPTH, ()), _depth),
    )
    known = [suite.key for _, some, _ in scorers for suite in some]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise ValueError(f"no data set is called {', '.join(unknown)}, expected some of {known}")
    tables: dict[str, list[Row]] = {}
    for task, some, score in scorers:
        rows = tables[task.value] = []
        for suite in some:
            if task not in tasks or (only and suite.key not in only):
                continue
            try:
                if task is Task.SEGMENTATION:
                    _require_classes(suite, class_names)
                samples = suite.open_samples(quick=quick)
            except (FileFormatError, OtherClassesError) as error:
                if asked:
                    raise
                report(f"{task.value}: {suite.title} left out: {error}")
                continue
            report(f"{task.value}: {suite.title}")
            conditions = suite.alignment if task is Task.DEPTH else ""
            for method, count, scores in score(predict, suite, samples):
                table = tables.setdefault(BENCHMARK, []) if method.startswith(PART) else rows
                table.append(
                    Row(
                        suite=suite.key,
                        title=suite.title,
                        method=method,
                        num_images=count,
                        conditions=conditions,
                        quick=quick and suite.quick_every > 1,
                        scores=scores,
                    )
                )
    return tables


def _require_classes(suite: Suite, class_names: tuple[str, ...]) -> None:
    if suite.class_names != class_names:
        raise OtherClassesError(
            f"{suite.title} has {len(suite.class_names)} classes from {suite.class_names[0]} to "
            f"{suite.class_names[-1]}, the model {len(class_names)} ({', '.join(class_names[:3])}, "
            f"...): score it on a data set of its own classes"
        )


Line = tuple[str, int, dict[str, float]]


def _segmentation(predict: Predict, suite: Suite, samples: Iterable[Sample]) -> list[Line]:
    score = SegmentationScore(num_classes=len(suite.class_names))
    count = 0
    for sample in samples:
        assert sample.labels is not None
        labels = predict(sample.image, None).labels
        assert labels is not None
        score.add(labels, sample.labels)
        count += 1
    result = score.result()
    scores = {"miou": result.miou, "pixel_accuracy": result.pixel_accuracy}
    for name, iou in zip(suite.class_names, result.iou_per_class, strict=True):
        scores[f"iou_{name}"] = iou
    return [("ours", count, scores)]


def _flow(predict: Predict, _: Suite, samples: Iterable[Sample]) -> list[Line]:
    scores = {"ours": FlowScore(), "DIS medium": FlowScore(), "zero": FlowScore()}
    benchmark = BenchmarkScore()
    count = 0
    for sample in samples:
        assert sample.next_image is not None
        assert sample.flow is not None
        ours = predict(sample.image, sample.next_image).flow
        assert ours is not None
        scores["ours"].add(ours, sample.flow, sample.occluded)
        benchmark.add(sample, ours)
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
    lines += [(f"{PART}{part}", count, values) for part, values in benchmark.lines()]
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
        # The plane is laid through the pixels that count, or it would not be the best.
        counted = np.where(sample.inverse_depth > 1 / suite.far_m, sample.inverse_depth, np.nan)
        scores["best plane of the truth"].add(best_plane(counted), sample.inverse_depth)
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
        keys = list(dict.fromkeys(key for row in rows for key in row.scores))
        lines = [
            f"### {task}",
            "",
            f"| data set | images | method | {' | '.join(keys)} |",
            f"| --- | --- | --- |{' --- |' * len(keys)}",
        ]
        for row in rows:
            values = " | ".join(
                f"{row.scores[key]:.3f}" if key in row.scores else "-" for key in keys
            )
            title = f"{row.title} ({row.conditions})" if row.conditions else row.title
            part = f"{row.num_images}, a part" if row.quick else f"{row.num_images}"
            lines.append(f"| {title} | {part} | {row.method} | {values} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
