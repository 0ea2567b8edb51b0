"""Figures as text for people and JSON for programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from server.bench.figures import ColdShape, Figures

BAR_WIDTH = 40
FEW = 1000  # fewer requests say nothing about the slowest in a thousand


@dataclass(frozen=True, kw_only=True)
class Run:
    """A load and what came of it."""

    title: str
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that one command measured."""

    load: dict[str, object]
    """What was asked for, to repeat it."""
    cold: Sequence[ColdShape]
    runs: Sequence[Run]
    target_p99_s: float | None = None
    goodput_per_s: float | None = None
    """Highest rate of arrivals at which percentile 99 kept the target; None if not searched."""

    def json_text(self) -> str:
        """One object; NaN and infinity become null."""
        return json.dumps(_finite(asdict(self)), indent=1, allow_nan=False)

    def lines(self) -> list[str]:
        """For a terminal."""
        lines = ["load: " + ", ".join(f"{name} {value}" for name, value in self.load.items())]
        if self.cold:
            firsts, thens = (
                _span([c.first_s for c in self.cold]),
                _span([c.then_s for c in self.cold]),
            )
            lines += [
                "",
                f"cold shapes ({len(self.cold)} sizes, alone): first request {firsts}, "
                f"the same again {thens}",
            ]
        for run in self.runs:
            lines += ["", *_run_lines(run)]
        if self.target_p99_s is not None and self.goodput_per_s is not None:
            lines += [
                "",
                f"goodput: {self.goodput_per_s:.3g} requests/s with p99 <= "
                f"{self.target_p99_s * 1e3:.0f} ms (refusals and failures count as never)",
            ]
        return lines


def _run_lines(run: Run) -> list[str]:
    figures = run.figures
    counts = "  ".join(f"{name}: {count}" for name, count in figures.counts.items())
    lines = [
        run.title,
        f"  {figures.num_requests} requests in {figures.duration_s:.1f} s    {counts}",
        f"  throughput  {figures.requests_per_s:.2f} requests/s   {figures.mpx_per_s:.2f} Mpx/s   "
        f"answers {figures.answer_mib_per_s:.1f} MiB/s",
        "  latency     "
        + "   ".join(f"{name} {_ms(s)}" for name, s in figures.latency_s.items())
        + ("   (few requests)" if figures.num_requests < FEW else ""),
        f"  promise     p99 of all who stayed {_ms(figures.promise_s)}"
        f"   sent late p99 {_ms(figures.sent_late_p99_s)}",
    ]
    if figures.stages_s:
        stages = "   ".join(f"{name} {_ms(s)}" for name, s in figures.stages_s.items())
        lines.append(f"  stages p50  {stages}   overhead {100 * figures.overhead:.1f} % of infer")
    most = max((count for _, _, count in figures.bars), default=1)
    for low, high, count in figures.bars:
        bar = "#" * math.ceil(BAR_WIDTH * count / most)
        lines.append(f"  {_ms(low):>10} - {_ms(high):>10}  {count:7d}  {bar}")
    return lines


def _span(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"median {_ms(ordered[len(ordered) // 2])}, slowest {_ms(ordered[-1])}"


def _ms(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    return "never" if math.isinf(seconds) else f"{seconds * 1e3:.4g} ms"


def _finite(value: object) -> object:
    """JSON has neither NaN nor infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
