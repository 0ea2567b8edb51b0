"""What a run comes to, as numbers: these go into --json as they are."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from server.bench.histogram import Histogram
from server.bench.outcome import Outcome

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One run. Times in seconds; NaN where there was nothing to measure."""

    num_requests: int
    duration_s: float
    """From the first due moment to the last answer."""
    counts: dict[str, int]
    """Requests by HTTP status, or by how they ended without one."""
    requests_per_s: float
    """Answered with 200."""
    mpx_per_s: float
    """Of images in requests answered with 200, in millions; a pair counts both."""
    answer_mib_per_s: float
    latency_s: dict[str, float]
    """Percentiles over the requests answered with 200, from the moment they were due."""
    promise_s: float
    """Percentile 99 over all whose clients stayed, where a refusal or a failure counts as never."""
    sent_late_p99_s: float
    """By this client. If it is not small beside the latencies, the client was the bottleneck."""
    stages_s: dict[str, float]
    """Medians of the server's own Server-Timing, and "rest": what no stage accounts for."""
    overhead: float
    """Median of (whole - queue - infer) / infer: what HTTP, codecs and scheduling cost beside the
    engine. Meaningful with one client: with more, the stages of several requests share a core."""
    bars: list[tuple[float, float, int]]
    """(from, to, count) of the latencies."""


def summarise(outcomes: Sequence[Outcome]) -> Figures:
    """Figures of at least one outcome."""
    answered = [outcome for outcome in outcomes if outcome.is_ok]
    staying = [outcome for outcome in outcomes if not outcome.hung_up]
    duration_s = max(o.ended_s for o in outcomes) - min(o.due_s for o in outcomes)
    latencies = Histogram(outcome.latency_s for outcome in answered)
    stages = [rest for outcome in answered if (rest := _stages(outcome))]
    return Figures(
        num_requests=len(outcomes),
        duration_s=duration_s,
        counts=dict(sorted(Counter(outcome.name for outcome in outcomes).items())),
        requests_per_s=len(answered) / duration_s,
        mpx_per_s=sum(outcome.num_pixels for outcome in answered) / 1e6 / duration_s,
        answer_mib_per_s=sum(outcome.num_bytes for outcome in answered) / 2**20 / duration_s,
        latency_s={f"p{p:g}": latencies.percentile(p) for p in PERCENTILES},
        promise_s=Histogram(outcome.latency_s for outcome in staying).percentile(99.0),
        sent_late_p99_s=Histogram(outcome.late_s for outcome in outcomes).percentile(99.0),
        stages_s={name: statistics.median(stage[name] for stage in stages) for name in stages[0]}
        if stages
        else {},
        overhead=statistics.median(
            (sum(stage.values()) - stage["queue"] - stage["infer"]) / stage["infer"]
            for stage in stages
        )
        if stages
        else math.nan,
        bars=latencies.bars(),
    )


@dataclass(frozen=True, kw_only=True)
class ColdShape:
    """The first request of a size, and the next one of the same size."""

    size: tuple[int, int]
    first_s: float
    then_s: float


def cold_shapes(outcomes: Sequence[Outcome]) -> list[ColdShape]:
    """From `one_by_one`: twice each size, one after the other."""
    pairs = zip(outcomes[::2], outcomes[1::2], strict=True)
    return [
        ColdShape(size=first.size, first_s=first.latency_s, then_s=then.latency_s)
        for first, then in pairs
    ]


def _stages(outcome: Outcome) -> dict[str, float]:
    """Where its time went; empty if the server did not say, as a peer does not."""
    told = {
        name: outcome.stages_s.get(name, 0.0) for name in ("decode", "queue", "infer", "encode")
    }
    if told["infer"] <= 0:
        return {}
    return {**told, "rest": max(0.0, outcome.ended_s - outcome.sent_s - sum(told.values()))}
