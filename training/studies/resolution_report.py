"""What came out of the multi-resolution study: a verdict, tables and plots."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from training.studies.compare import Outcome, save_outcomes
from training.studies.multi_resolution import MultiResolutionStudy
from training.studies.plot import Curve, Panel, save_curves
from training.studies.resolution_score import ALL, MEASURES, SHAPES, Curves, read_curves
from training.studies.table import Cell, markdown_table

PROMISED: Final = (0.5, 2.0)
"""Between these test resolutions ..."""
KEPT_SHARE: Final = 0.95
"""... at least so much of the peak is to be kept."""
ONE: Final = "one-size"
SEVERAL: Final = "several-sizes"
AS_MANY_STEPS: Final = "one-size-as-many-steps"
FLOOR: Final = "nothing-learned"
"""All road, equally far, standing still: no method, but what methods are compared with."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How much of its peak a curve keeps."""

    peak: float
    peak_size: float
    """Test resolution at which the peak lies."""
    kept: float
    """Least share of the peak within the promised resolutions; of an error, peak over error."""
    kept_lowest: float
    """The same at the lowest test resolution ..."""
    kept_highest: float
    """... and at the highest."""
    target: Literal["met", "not met", "nothing learned"]
    """The last where the peak is hardly better than the floor: that is kept everywhere."""


def verdict(
    values: Sequence[float], sizes: Sequence[float], task: str, *, floor: Sequence[float]
) -> Verdict:
    """The target applied to one curve.

    Args:
        values: scores, one per size.
        sizes: test resolutions, ascending.
        task: tells whether the scores are errors.
        floor: scores of what learned nothing.
    """
    higher = MEASURES[task].higher_is_better
    peak = max(values) if higher else min(values)
    shares = [_share(value, peak) if higher else _share(peak, value) for value in values]
    low, high = PROMISED
    kept = min(s for s, size in zip(shares, sizes, strict=True) if low <= size <= high)
    target: Literal["met", "not met", "nothing learned"]
    target = "met" if kept >= KEPT_SHARE else "not met"
    idle = _share(max(floor), peak) if higher else _share(peak, min(floor))
    if idle > KEPT_SHARE:
        target = "nothing learned"
    return Verdict(
        peak=peak,
        peak_size=sizes[list(values).index(peak)],
        kept=kept,
        kept_lowest=shares[0],
        kept_highest=shares[-1],
        target=target,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def write_report(study: MultiResolutionStudy, outcomes: Sequence[Outcome]) -> str:
    """The report, its numbers and its plots; the report's text."""
    names = [*(o.name for o in outcomes), FLOOR]
    curves = {name: read_curves(study.out / name / "curves.json") for name in names}
    sizes = study.test_sizes
    verdicts = [
        {"method": name, "task": task, "shape": shape, **asdict(found)}
        for name, task, shape, found in _verdicts(curves, sizes)
    ]
    save_outcomes(
        study.out / "results.json",
        outcomes,
        settings=json.loads(json.dumps(study.settings())),
        sizes=sizes,
        curves=curves,
        verdicts=verdicts,
    )
    title = f"{study.model}, trained at {study.canvas[0]}x{study.canvas[1]} (HxW)"
    for stem, panels in (
        ("accuracy", _methods_panels(curves, sizes)),
        ("shapes", _shapes_panels(curves, sizes)),
    ):
        paths = [study.out / f"{stem}.{kind}" for kind in ("png", "svg")]
        save_curves(paths, panels, title=f"{title}, {study.minutes:g} min per method")
    text = "\n\n".join(
        [
            f"# Accuracy against test resolution\n\n{title}; {study.minutes:g} minutes per "
            f"method. Sizes of the copies: {study.sizes}. Shapes are width to height, all of the "
            f"canvas's area; all: their mean. A side is the root of the area.",
            _costs(outcomes),
            _verdict_table(curves, sizes),
            *(_task_table(task, curves, sizes) for task in MEASURES),
        ]
    )
    (study.out / "report.md").write_text(text + "\n")
    return text


def _costs(outcomes: Sequence[Outcome]) -> str:
    header = ["method", "steps", "s per step", "s of data", "minutes", "peak MiB"]
    rows: list[list[Cell]] = [
        [
            o.name,
            o.fit.num_steps,
            o.fit.step_s,
            o.fit.wait_s,
            o.fit.trained_s / 60,
            o.fit.peak_mib,
        ]
        for o in outcomes
    ]
    return f"## Cost\n\n{markdown_table(header, rows)}"


def _verdict_table(curves: Mapping[str, Curves], sizes: Sequence[float]) -> str:
    low, high = PROMISED
    header = ["method", "task", "shape", "peak", "at", f"kept {low:g}x-{high:g}x"]
    header += [f"kept at {sizes[0]:g}x", f"kept at {sizes[-1]:g}x", "target"]
    rows: list[list[Cell]] = []
    for name, task, shape, v in _verdicts(curves, sizes):
        kept = [f"{100 * x:.1f} %" for x in (v.kept, v.kept_lowest, v.kept_highest)]
        rows.append([name, task, shape, v.peak, f"{v.peak_size:g}x", *kept, v.target])
    share = 100 * (1 - KEPT_SHARE)
    return (
        f"## Target: within {share:.0f} % of the peak from {low:g}x to {high:g}x\n\n"
        f"{markdown_table(header, rows)}"
    )


def _verdicts(
    curves: Mapping[str, Curves], sizes: Sequence[float]
) -> Iterator[tuple[str, str, str, Verdict]]:
    """Method, task, shape and verdict."""
    for name, tasks in curves.items():
        if name == FLOOR:
            continue
        for task in MEASURES:
            for shape in (ALL, *SHAPES):
                floor = curves[FLOOR][task][shape]
                yield name, task, shape, verdict(tasks[task][shape], sizes, task, floor=floor)


def _task_table(task: str, curves: Mapping[str, Curves], sizes: Sequence[float]) -> str:
    measure = MEASURES[task]
    header = ["method", "shape", *(f"{size:g}x" for size in sizes)]
    rows: list[list[Cell]] = [
        [name, shape, *tasks[task][shape]]
        for name, tasks in curves.items()
        for shape in (ALL, *SHAPES)
    ]
    better = "higher" if measure.higher_is_better else "lower"
    return (
        f"## {measure.title}\n\n{measure.axis}; {better} is better.\n\n"
        f"{markdown_table(header, rows)}"
    )


def _methods_panels(curves: Mapping[str, Curves], sizes: Sequence[float]) -> list[Panel]:
    return [
        _panel(
            task,
            sizes,
            [
                Curve(
                    label=name, x=sizes, y=tasks[task][ALL], colour=number, dashed=name != SEVERAL
                )
                for number, (name, tasks) in enumerate(curves.items())
            ],
        )
        for task in MEASURES
    ]


def _shapes_panels(curves: Mapping[str, Curves], sizes: Sequence[float]) -> list[Panel]:
    compared = {name: tasks for name, tasks in curves.items() if name in (ONE, SEVERAL)}
    return [
        _panel(
            task,
            sizes,
            [
                Curve(
                    label=f"{name}, {shape}",
                    x=sizes,
                    y=tasks[task][shape],
                    colour=number,
                    dashed=name == ONE,
                )
                for name, tasks in compared.items()
                for number, shape in enumerate(SHAPES)
            ],
        )
        for task in MEASURES
    ]


def _panel(task: str, sizes: Sequence[float], curves: Sequence[Curve]) -> Panel:
    measure = MEASURES[task]
    better = "higher" if measure.higher_is_better else "lower"
    return Panel(
        title=measure.title,
        x_label="test resolution, times that of training",
        y_label=f"{measure.axis}, {better} is better",
        curves=curves,
        x_scale="log",
        x_ticks=sizes,
    )
