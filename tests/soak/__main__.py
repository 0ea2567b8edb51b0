"""python -m tests.soak                   the reliability suite: minutes, 10,000 requests
python -m tests.soak --only 4711 ...   one of its requests, alone

Ends with 0 if nothing was found. See --help.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.soak.findings import Tally
from tests.soak.long_bundle import write_long_bundle
from tests.soak.memory_plot import plot_memory
from tests.soak.outside_tools import run_tools
from tests.soak.patient import ROOT, patient
from tests.soak.plan import plan
from tests.soak.soak import LIMITS, Settings, Soak, soak

TOY = "toy"
STREET = ROOT / "models" / "bundles" / "street"
ENGINES = ("onnxruntime", "openvino")
STREET_SHARE = 1 / 20  # of the requests: its engine takes a hundred times as long


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--limit-s", type=float, default=1500.0, help="for all runs together")
    parser.add_argument("--seed", type=int, default=0, help="of images, order, faults")
    parser.add_argument("--cases", type=int, default=120, help="different requests with an answer")
    parser.add_argument("--bundle", choices=(TOY, STREET.name), help="one of them; by default both")
    parser.add_argument("--engine", choices=ENGINES, help="one; by default OpenVINO for street too")
    parser.add_argument("--faults", type=int, default=20, help="0: then no 500 is excused")
    parser.add_argument("--only", type=int, help="send this request of the plan alone")
    parser.add_argument("--tools-s", type=float, default=8.0, help="for each run of wrk and others")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "soak")
    options = parser.parse_args()
    if options.bundle == TOY and options.engine == "openvino":
        parser.error("the toy runs in onnxruntime alone: leave --engine out, or take street")
    if options.only is not None and options.bundle is None:
        parser.error("--only without --bundle: which one?")
    return options


def main() -> int:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        toy = Path(folder)
        write_long_bundle(toy)
        if options.only is not None:
            return repeat(options, toy)
        tallies = [
            soak(settings, options.out / f"{settings.title}-{settings.engine}.log")
            for settings in planned(options, toy)
        ]
        problems = run_tools(toy, options.out, seconds=options.tools_s) if options.tools_s else []
    for tally in tallies:
        print("\n".join(tally.lines()))
        write_json(tally, options.out / f"{tally.title}.json")
    print(f"memory over time: {plot_memory(tallies, options.out / 'memory.png')}")
    for problem in problems:
        print(f"finding: {problem}")
    return 1 if problems or any(tally.findings for tally in tallies) else 0


def planned(options: argparse.Namespace, toy: Path) -> list[Settings]:
    """The soaks to run: most requests by the toy, some by the network that is shipped."""
    runs = [
        Settings(
            title=TOY,
            bundle=toy,
            num_requests=options.requests,
            num_cases=options.cases,
            num_parts=20,
            num_faults=options.faults,
            largest_px=480,
            capacity_s=10.0,
            limit_s=options.limit_s * 0.5,
            seed=options.seed,
        ),
        Settings(
            title=STREET.name,
            bundle=STREET,
            num_requests=max(40, round(options.requests * STREET_SHARE)),
            num_cases=min(options.cases, 24),
            num_parts=8,
            num_faults=min(4, options.faults),
            largest_px=160,
            capacity_s=15.0,
            limit_s=options.limit_s * 0.25,
            seed=options.seed,
        ),
    ]
    runs.append(replace(runs[-1], engine="openvino"))
    return [
        one
        for one in runs
        if options.bundle in (None, one.title) and options.engine in (None, one.engine)
    ]


def repeat(options: argparse.Namespace, toy: Path) -> int:
    """One request of the plan, alone on a server that nobody hurts."""
    settings = planned(options, toy)[0]
    log = options.out / "only.log"
    with patient(settings.bundle, log, LIMITS, engine=settings.engine) as server:
        run = Soak(settings, server)
        ending = asyncio.run(run.once(options.only))
        print(plan(options.only, hand=run.hand, seed=options.seed))
        print(ending.how, ending.status, ending.reason, ending.headers, ending.body[:500])
    for finding in run.tally.findings:
        print(f"finding: {finding.what}")
    return 1 if run.tally.findings else 0


def write_json(tally: Tally, path: Path) -> None:
    """For a table, and to compare two runs."""
    found = {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "sent": tally.num_sent,
        "planned": tally.num_planned,
        "capacity_per_s": tally.capacity_per_s,
        "endings": {f"{kind}: {how}": count for (kind, how), count in tally.endings.items()},
        "p50_s": tally.latencies.percentile(50.0),
        "p99_s": tally.latencies.percentile(99.0),
        "rss_bytes": [state.rss_bytes for state in tally.states],
        "faults": [state.done for state in tally.states],
        "drift": tally.drift,
        "findings": [vars(finding) for finding in tally.findings],
    }
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
