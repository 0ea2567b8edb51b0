"""The same bundle, engine, codecs and load behind anyres, LitServe, BentoML and Ray Serve.

    python -m tests.benchmarks.peers                     everything, about 20 minutes
    python -m tests.benchmarks.peers --peers litserve --duration-s 5 --rounds 1

Two loads: one size; mixed sizes of which a third of the clients leave. For each the throughput of
a closed loop and the goodput at a p99 target. Servers take turns, round after round, so that what
else the machine does hits all of them; figures are medians over the rounds, ratios are anyres over
the peer. They mean something on a quiet machine alone: the load average is printed first. No answer
is compressed (LitServe would, if asked: its gzip costs more than the engine).
A peer that does not install or run here is said and left out.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from models.runtime.cpu import usable_cores
from models.runtime.select import ENGINES
from server.bench.pictures import draw, encode
from tests.benchmarks.peers.household import cpu_s
from tests.benchmarks.peers.servers import BATCHING, OURS, PEERS, ROOT, NotRunning, install, running

LOADS = {
    "one size": ("--sizes", "270x480"),
    "mixed sizes, a third leaves": (
        *("--sizes", "64x64..540x960", "--deck", "96"),
        *("--leave", "0.33", "--leave-within-s", "1"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A server as it takes part."""

    name: str
    batch: int

    def __str__(self) -> str:
        return self.name if self.batch == 1 else f"{self.name}, batches of {self.batch}"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One server under one load, once."""

    requests_per_s: float
    p50_s: float
    p99_s: float
    goodput_per_s: float
    cpu_s: float
    """Of all processes of the server, per request sent (warm-up included in the time alone): what
    else runs on the machine changes it least."""
    counts: dict[str, int]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    console = Console(width=150)
    entrants = [Entrant(name=OURS, batch=1)]
    for peer in options.peers:
        try:
            install(peer, options.out)
        except NotRunning as error:
            console.print(str(error), markup=False)
            continue
        entrants.append(Entrant(name=peer, batch=1))
        if options.batch > 1 and peer in BATCHING:
            entrants.append(Entrant(name=peer, batch=options.batch))
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    console.print(
        f"{options.engine}, threads {options.threads}, rounds {options.rounds}, "
        f"load of the machine {load}"
    )
    for title in options.loads:
        flags = LOADS[title]
        scores: dict[Entrant, list[Score]] = {entrant: [] for entrant in entrants}
        for turn in range(options.rounds):
            for entrant in list(scores):
                try:
                    score = measure(entrant, flags, options, seed=turn)
                except NotRunning as error:
                    console.print(str(error), markup=False)
                    del scores[entrant]
                    continue
                console.print(f"{title}, round {turn + 1}, {entrant}: {score}", markup=False)
                scores[entrant].append(score)
        console.print(table(title, scores, options.p99_ms))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--loads", nargs="*", default=tuple(LOADS), choices=tuple(LOADS))
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "bundles" / "street")
    parser.add_argument("--engine", default=ENGINES[0], choices=ENGINES, help="the same for all")
    parser.add_argument(
        "--threads",
        type=int,
        default=usable_cores(),
        help="of the engine, the same for each process of each server",
    )
    parser.add_argument("--batch", type=int, default=4, help="1 leaves the batching entrants out")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--duration-s", type=float, default=12.0)
    parser.add_argument(
        "--warm-up-s", type=float, default=30.0, help="of load before anything counts"
    )
    parser.add_argument("--clients", type=int, default=8, help="of the closed loop")
    parser.add_argument("--p99-ms", type=float, default=2000.0, help="the target of goodput")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "peers", help="environments")
    return parser.parse_args()


def measure(
    entrant: Entrant, flags: Sequence[str], options: argparse.Namespace, *, seed: int
) -> Score:
    """Start it, load it, stop it."""
    options.out.mkdir(parents=True, exist_ok=True)
    probe = encode(draw(np.random.default_rng(0), (64, 64)), "jpeg")
    with running(
        entrant.name,
        options.out,
        bundle=options.bundle.resolve(),
        engine=options.engine,
        threads=options.threads,
        batch=entrant.batch,
        probe=probe,
    ) as server:
        command = [
            sys.executable,
            "-m",
            "server",
            "bench",
            "--url",
            server.url,
            "--loop",
            "goodput",
        ]
        command += ["--json", *flags, "--seed", str(seed), "--clients", str(options.clients)]
        command += ["--duration-s", str(options.duration_s), "--p99-ms", str(options.p99_ms)]
        command += ["--tasks", "segmentation+depth", "--answers", "npz", "--cold-s", "3"]
        command += ["--warm-up-s", str(options.warm_up_s)]
        before_s = cpu_s(server.token)
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        used_s = cpu_s(server.token) - before_s
    if done.returncode != 0:
        raise NotRunning(f"{entrant}: the load ended with {done.stderr.strip()[-300:]}")
    report = json.loads(done.stdout)
    closed = report["runs"][0]["figures"]
    num_requests = sum(run["figures"]["num_requests"] for run in report["runs"])
    return Score(
        requests_per_s=closed["requests_per_s"],
        p50_s=_seconds(closed["latency_s"]["p50"]),
        p99_s=_seconds(closed["latency_s"]["p99"]),
        goodput_per_s=report["goodput_per_s"],
        cpu_s=used_s / num_requests,
        counts=closed["counts"],
    )


def table(title: str, scores: dict[Entrant, list[Score]], p99_ms: float) -> Table:
    """A row per server, and how many times better ours is."""
    made = Table(title=f"{title}; goodput at p99 <= {p99_ms:g} ms; in brackets anyres over it")
    for column in (
        "server",
        "requests/s",
        "p50",
        "p99",
        "goodput/s",
        "CPU/request",
        "endings, last round",
    ):
        made.add_column(column)
    ours = next((found for entrant, found in scores.items() if entrant.name == OURS), [])
    for entrant, found in scores.items():
        if found:
            made.add_row(
                str(entrant),
                _cell(found, ours, "requests_per_s", "{:.2f}"),
                _cell(found, ours, "p50_s", "{:.3f} s"),
                _cell(found, ours, "p99_s", "{:.3f} s"),
                _cell(found, ours, "goodput_per_s", "{:.2f}"),
                _cell(found, ours, "cpu_s", "{:.4f} s"),
                ", ".join(f"{name}: {count}" for name, count in found[-1].counts.items()),
            )
    return made


def _cell(found: Sequence[Score], ours: Sequence[Score], name: str, form: str) -> str:
    value = statistics.median(getattr(score, name) for score in found)
    own = statistics.median(getattr(score, name) for score in ours) if ours else float("nan")
    ratio = f"{own / value:.2f}" if value else "-"
    return f"{form.format(value)} ({ratio})"


def _seconds(value: float | None) -> float:
    """JSON has null for never."""
    return float("nan") if value is None else value


if __name__ == "__main__":
    sys.exit(main())
