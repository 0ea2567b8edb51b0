"""Scores of a model on every data set that is there, beside baselines run on the same images.

One pass over the data gives the tables and what a report shows. A data set that is not there is
left out with a line that says so, unless it was asked for by name.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from models.task import CLASS_NAMES, Task
from training.data.file_formats import FileFormatError
from training.data.sample import Sample
from training.scoring.baselines import dis_flow
from training.scoring.scorers.depth import DepthFindings, DepthScorer
from training.scoring.scorers.flow import FlowFindings, FlowScorer
from training.scoring.scorers.line import Line
from training.scoring.scorers.segmentation import SegmentationFindings, SegmentationScorer
from training.scoring.scorers.temporal import TemporalFindings, TemporalScorer
from training.scoring.suites import DEPTH, FLOW, SEGMENTATION, Suite

Predict = Callable[[NDArray[np.uint8], NDArray[np.uint8] | None], Prediction]
"""An image (h, w, 3), and perhaps the next one, to maps of its size."""

Findings = SegmentationFindings | TemporalFindings | FlowFindings | DepthFindings

BENCHMARK = "flow, by the data sets' own benchmarks"
"""The table beside those of the tasks: parts of the pixels, and the errors that count there."""
TEMPORAL = "temporal consistency"
"""The table beside those of the tasks: how steady the labels of a clip are."""


class OtherClassesError(ValueError):
    """A data set whose labels are not the model's classes."""


class NothingKnownError(ValueError):
    """A data set of which no pixel can be scored."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table: a model or a baseline on one data set."""

    suite: str
    title: str
    method: str
    num_images: int
    conditions: str
    """What the scores depend on: alignment, range, part of the data set, whose flow."""
    quick: bool
    """Scored on some frames alone."""
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A data set that was not scored."""

    task: str
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that one pass over the data gives."""

    tables: dict[str, list[Row]]
    """By task; TEMPORAL and BENCHMARK too where they have rows."""
    findings: list[Findings] = field(default_factory=list)
    """One for each data set, in the order of the tables."""
    left_out: list[LeftOut] = field(default_factory=list)


def evaluate(
    predict: Predict,
    *,
    quick: bool,
    tasks: Collection[str] = tuple(Task),
    class_names: tuple[str, ...] = CLASS_NAMES,
    only: Collection[str] = (),
    suites: Mapping[Task, Sequence[Suite]] | None = None,
    is_lenient: bool = False,
    report: Callable[[str], None],
) -> Evaluation:
    """Every table, by task, and what a report shows of each data set.

    Args:
        predict: the model.
        quick: some frames of the long data sets alone.
        tasks: what the model answers.
        class_names: the model's.
        only: keys of suites; all where empty.
        suites: data sets by task; by default those of suites.py.
        is_lenient: a data set that was asked for, by `only` or `suites`, may be missing or broken
            too.
        report: called with a line for each data set.

    Raises:
        ValueError: no suite has such a key, or a data set that was asked for has other classes or
            nothing to score against.
        FileFormatError: a data set that was asked for is missing or broken.
    """
    is_strict = (bool(only) or suites is not None) and not is_lenient
    chosen = suites or {Task.SEGMENTATION: SEGMENTATION, Task.FLOW: FLOW, Task.DEPTH: DEPTH}
    ordered = [(task, chosen.get(task, ())) for task in (Task.SEGMENTATION, Task.FLOW, Task.DEPTH)]
    known = [suite.key for _, some in ordered for suite in some]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise ValueError(f"no data set is called {', '.join(unknown)}, expected some of {known}")
    found = Evaluation(tables={task.value: [] for task, _ in ordered})
    for task, some in ordered:
        for suite in some:
            if task not in tasks or (only and suite.key not in only):
                continue
            try:
                samples = _open(task, suite, quick=quick, class_names=class_names)
                report(f"{task.value}: {suite.title}")
                part = quick and suite.quick_every > 1
                if task is Task.SEGMENTATION:
                    _segmentation(predict, suite, samples, tasks, found, quick=part)
                elif task is Task.FLOW:
                    _flow(predict, suite, samples, found, quick=part)
                else:
                    _depth(predict, suite, samples, found, quick=part)
            except (FileFormatError, OtherClassesError, NothingKnownError) as error:
                if is_strict:
                    raise
                found.left_out.append(
                    LeftOut(task=task.value, title=suite.title, reason=str(error))
                )
                report(f"{task.value}: {suite.title} left out: {error}")
    return found


Samples = Iterator[tuple[Sample | None, Sample]]
"""Each with the frame before it, if they are a clip."""


def _open(task: Task, suite: Suite, *, quick: bool, class_names: tuple[str, ...]) -> Samples:
    if task is Task.SEGMENTATION and suite.class_names != class_names:
        raise OtherClassesError(
            f"{suite.title} has {len(suite.class_names)} classes from {suite.class_names[0]} to "
            f"{suite.class_names[-1]}, the model {len(class_names)} ({', '.join(class_names[:3])}, "
            f"...): score it on a data set of its own classes"
        )
    if task is Task.SEGMENTATION and suite.is_clip:
        return suite.open_clip(quick=quick)
    return ((None, sample) for sample in suite.open_samples(quick=quick))


def _segmentation(
    predict: Predict,
    suite: Suite,
    samples: Samples,
    tasks: Collection[str],
    found: Evaluation,
    *,
    quick: bool,
) -> None:
    has_flow = Task.FLOW in tasks
    scorer = SegmentationScorer(class_names=suite.class_names)
    steadiness = TemporalScorer(
        class_names=suite.class_names, whose_flow="our flow" if has_flow else "flow of DIS"
    )
    for last, sample in samples:
        back = predict(sample.image, last.image if last is not None and has_flow else None)
        scorer.add(sample, back)
        if last is None:
            continue
        forth = predict(last.image, sample.image if has_flow else None)
        assert forth.labels is not None
        assert back.labels is not None
        steadiness.add(
            last,
            sample,
            last_labels=forth.labels,
            labels=back.labels,
            flow_back=dis_flow(sample.image, last.image) if back.flow is None else back.flow,
            flow_forth=dis_flow(last.image, sample.image) if forth.flow is None else forth.flow,
        )
    if not scorer.per_image:
        raise _nothing_known(suite, "label")
    rows = found.tables[Task.SEGMENTATION]
    rows += [_row(suite, line, conditions="", quick=quick) for line in scorer.lines()]
    found.findings.append(scorer.findings(suite.title))
    if steadiness.num_frames and not steadiness.has_pixels():
        reason = "the flow there and the flow back agree nowhere, so no pixel can be compared"
        found.left_out.append(LeftOut(task=TEMPORAL, title=suite.title, reason=reason))
    elif steadiness.num_frames:
        found.tables.setdefault(TEMPORAL, []).extend(
            _row(suite, line, conditions=steadiness.whose_flow, quick=quick)
            for line in steadiness.lines()
        )
        found.findings.append(steadiness.findings(suite.title))


def _flow(
    predict: Predict, suite: Suite, samples: Samples, found: Evaluation, *, quick: bool
) -> None:
    scorer = FlowScorer()
    for _, sample in samples:
        scorer.add(sample, predict(sample.image, sample.next_image))
    if not scorer.per_image:
        raise _nothing_known(suite, "flow")
    rows = found.tables[Task.FLOW]
    rows += [_row(suite, line, conditions="", quick=quick) for line in scorer.lines()]
    parts = scorer.benchmark_lines()
    if parts:
        found.tables.setdefault(BENCHMARK, []).extend(
            _row(suite, line, conditions="", quick=quick) for line in parts
        )
    found.findings.append(scorer.findings(suite.title))


def _depth(
    predict: Predict, suite: Suite, samples: Samples, found: Evaluation, *, quick: bool
) -> None:
    scorer = DepthScorer(far_m=suite.far_m, edges=suite.depth_edges)
    for _, sample in samples:
        if sample.inverse_depth is not None:
            scorer.add(sample, predict(sample.image, None))
    if not scorer.per_image:
        raise _nothing_known(suite, f"depth up to {suite.far_m:g} {suite.unit}")
    rows = found.tables[Task.DEPTH]
    rows += [_row(suite, line, conditions=suite.alignment, quick=quick) for line in scorer.lines()]
    found.findings.append(scorer.findings(suite.title, conditions=suite.alignment, unit=suite.unit))


def _nothing_known(suite: Suite, what: str) -> NothingKnownError:
    return NothingKnownError(
        f"{suite.title}: no pixel has a known {what}, expected some to score against"
    )


def _row(suite: Suite, line: Line, *, conditions: str, quick: bool) -> Row:
    return Row(
        suite=suite.key,
        title=suite.title,
        method=line.method,
        num_images=line.num_images,
        conditions=conditions,
        quick=quick,
        scores=line.scores,
    )


def as_markdown(tables: dict[str, list[Row]]) -> str:
    """The tables as BENCHMARKS.md holds them. A dash: the method has no such score."""
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
