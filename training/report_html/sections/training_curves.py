"""Losses, learning rate and time of every step."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.report_html.blocks import Block, Chart, Charts, Notice, Section, Text
from training.report_html.contents import Contents
from training.report_html.line_chart import Series, line_chart
from training.running.run_log import RunLog, smooth

MEMORY_SHARE = 0.02
"""Of the run: the smoothed curve remembers so much."""
LEAST_MEMORY_STEPS = 5.0
NUM_POINTS = 160
"""Of a curve: more than a screen shows apart."""
BAND = (10, 90)
"""Percentiles of the raw values that the band holds."""


def training_curves(contents: Contents) -> Section:
    """Empty without a run's log."""
    log = contents.log
    blocks: tuple[Block, ...]
    if log is None:
        blocks = (Notice(text="No run's folder was given, so there are no curves."),)
    elif not log.steps.size:
        blocks = (Notice(text="The run's losses.jsonl has no step yet."),)
    else:
        blocks = _curves(log)
    return Section(key="training", title="Training", blocks=blocks)


def _curves(log: RunLog) -> tuple[Block, ...]:
    memory_steps = max(MEMORY_SHARE * log.steps.size, LEAST_MEMORY_STEPS)
    named = (
        ("learning_rate", "learning rate", "rate"),
        ("step_s", "time of a step", "s"),
        ("wait_s", "of it, not computing: data, checkpoints", "s"),
        ("peak_mib", "peak memory", "MiB"),
    )
    norms = [
        (name, name.replace("_", " "), "before clipping")
        for name in log.values
        if name.startswith("gradient_norm")
    ]
    losses = [(name, name.replace("_", " "), "loss") for name in log.losses]
    spread = (
        f"pale bands hold {BAND[1] - BAND[0]} % of the raw values"
        if _is_long(log)
        else "pale lines are the raw values"
    )
    text = (
        f"Lines are averages that remember about {memory_steps:.0f} steps; {spread}. A loss that "
        f"turns from one kind to another on the way, as that of flow does, may fall below zero: "
        f"compare scores, not its ends."
    )
    return (
        Text(text=text),
        *_charts("Losses", losses, log, memory_steps),
        *_charts("Steps", [*named, *norms], log, memory_steps),
    )


def _is_long(log: RunLog) -> bool:
    return log.steps.size >= 4 * NUM_POINTS


def _charts(
    title: str, curves: Sequence[tuple[str, str, str]], log: RunLog, memory_steps: float
) -> list[Charts]:
    """Of what was logged: a curve without a finite value is left out."""
    charts = [
        _curve(log, name, heading, label, memory_steps)
        for name, heading, label in curves
        if name in log.values and np.isfinite(log.values[name]).any()
    ]
    return [Charts(title=title, charts=tuple(charts))] if charts else []


def _curve(log: RunLog, name: str, title: str, label: str, memory_steps: float) -> Chart:
    raw = log.values[name]
    # These are no noise to be smoothed.
    exact = name in ("learning_rate", "peak_mib")
    line = raw if exact else smooth(raw, memory_steps=memory_steps)
    parts = np.array_split(np.arange(raw.size), min(NUM_POINTS, raw.size))
    at = [0, *(int(part[-1]) for part in parts[1:])]
    main = Series(
        role="ours", name="average", x=log.steps[at].astype(float).tolist(), y=line[at].tolist()
    )
    # A few wild steps, mostly the first ones, must not flatten the rest.
    low, high = np.nanpercentile(raw, (0.5, 98.5)).tolist()
    shown = [y for y in main.y if np.isfinite(y)]
    limits = (min((low, *shown)), max((high, *shown)))
    series = [main]
    if not exact and _is_long(log):
        series = [replace(main, low=_each(raw, parts, BAND[0]), high=_each(raw, parts, BAND[1]))]
    elif not exact:
        steps = log.steps.astype(float).tolist()
        series.insert(0, Series(role="raw", name="raw", x=steps, y=raw.tolist()))
    return replace(
        line_chart(
            title,
            series,
            x_label="step",
            y_label=label,
            from_zero=name.endswith("_s"),
            limits=limits,
        ),
        legend=(),
    )


def _each(
    raw: NDArray[np.float64], parts: Sequence[NDArray[np.int64]], percentile: int
) -> list[float]:
    """A percentile of the finite values of each part; NaN where there is none."""
    found = []
    for part in parts:
        values = raw[part][np.isfinite(raw[part])]
        found.append(float(np.percentile(values, percentile)) if values.size else float("nan"))
    return found
