"""What a soak has found, and what it has counted."""

import math
from collections import Counter
from dataclasses import dataclass, field

from server.bench.histogram import Histogram
from tests.soak.patient import State

FLAT = 0.05  # of memory, over the second half


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that must not be."""

    what: str
    request: str = ""
    """Which one, in words."""
    repeat: str = ""
    """The command that sends it again."""


@dataclass(kw_only=True)
class Tally:
    """One soak of one bundle."""

    title: str
    num_planned: int
    num_sent: int = 0
    capacity_per_s: float = math.nan
    rate_per_s: float = math.nan
    """At the end: it is raised until some are refused."""
    duration_s: float = 0.0
    stopped: str = ""
    """Why not all that was planned was sent."""
    findings: list[Finding] = field(default_factory=list)
    endings: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind of request and how it ended."""
    latencies: Histogram = field(default_factory=Histogram)
    """Of well-formed requests answered with 200, from the moment they were due."""
    first_s: list[float] = field(default_factory=list)
    """The first request of each new shape, alone."""
    again_s: list[float] = field(default_factory=list)
    """The next one of the same shape."""
    states: list[State] = field(default_factory=list)
    """After each part of the load, when nothing is under way."""

    @property
    def drift(self) -> float:
        """(most - least) / least of resident memory over the second half."""
        half = [state.rss_bytes for state in self.states[len(self.states) // 2 :]]
        return (max(half) - min(half)) / min(half) if half else math.nan

    def lines(self) -> list[str]:
        """For a terminal."""
        lines = [
            f"== {self.title}: {self.num_sent} of {self.num_planned} requests in "
            f"{self.duration_s:.0f} s",
            f"capacity {self.capacity_per_s:.1f} requests/s (8 clients that wait), "
            f"sent at up to {self.rate_per_s:.1f}/s",
        ]
        if self.stopped:
            lines.append(f"NOT ALL WAS SENT: {self.stopped}")
        for (kind, ending), count in sorted(self.endings.items()):
            lines.append(f"  {kind:28} {ending:8} {count:7d}")
        lines.append(
            "latency of 200, from due: "
            + "  ".join(f"p{p:g} {_ms(self.latencies.percentile(p))}" for p in (50.0, 99.0, 99.9))
        )
        lines.append(
            f"cold shapes, alone: first {_span(self.first_s)}, again {_span(self.again_s)}"
        )
        if self.states:
            mib = " ".join(f"{state.rss_bytes / 2**20:.0f}" for state in self.states)
            lines += [
                f"resident MiB after each part: {mib}",
                f"second half: within {100 * self.drift:.1f} %; threads "
                f"{self.states[-1].num_threads}, files {self.states[-1].num_files}; "
                f"faults {self.states[-1].done}",
            ]
        lines.append(f"findings: {len(self.findings)}")
        for finding in self.findings[:20]:
            lines.append(f"  {finding.what}")
            if finding.request:
                lines.append(f"      {finding.request}\n      again: {finding.repeat}")
        return lines


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.4g} ms"


def _span(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    return f"median {_ms(ordered[len(ordered) // 2])}, slowest {_ms(ordered[-1])}"
