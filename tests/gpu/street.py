"""Train, score and time the shipped model on a GPU, in one call of bounded length.

    python tests/gpu/street.py OUT --minutes 9

Run from the root of the repository, with the data sets where $ANYRES_DATA says. OUT receives
scores.json, latency.json and the weights in parts of at most 15 MiB, for ways out that limit the
size of a file; `cat weights.part-* > weights.safetensors` joins them. Nothing that is done is done
again: a second call goes on from runs/street. Export needs minutes of one core and no GPU: do that
elsewhere.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUN = Path("runs/street")
PART_BYTES = 15 * 2**20
SIZES = ((270, 480), (720, 1280), (1080, 1920), (2160, 3840))
# A GPU takes larger batches at a rate that leaves a CPU behind; the recipe's are for two cores.
BATCHES = (
    "--data.images-per-step=24",
    "--data.scenes-per-step=32",
    "--data.pairs-per-step=24",
)
AFTERWARDS_S = 120
"""Scores and timing."""
STEPS_TO_TIME = 40


def main() -> None:
    """Everything, in order; what time is left goes into training."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=9.0)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * arguments.minutes

    train_until(ends - AFTERWARDS_S)
    weights = RUN / "weights.safetensors"
    call("training", "evaluate", str(weights), "--quick", "--json", str(out / "scores.json"))
    write_parts(weights, out)
    (out / "latency.json").write_text(json.dumps(latencies(weights), indent=2) + "\n")


def train_until(ends: float) -> None:
    """Render what is missing, time some steps, then choose a number of steps that fits."""
    call("training", "render", "street")
    done = steps_done()
    call("training", "street", *BATCHES, f"--num-steps={max(done, 0) + STEPS_TO_TIME}")
    left = int(0.9 * (ends - time.monotonic()) / seconds_per_step())
    if left > 0:
        call("training", "street", *BATCHES, f"--num-steps={steps_done() + left}")


def log_lines() -> list[dict[str, float]]:
    """What the run has logged."""
    log = RUN / "losses.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []


def steps_done() -> int:
    """Steps of the last checkpoint's run."""
    lines = log_lines()
    return int(lines[-1]["step"]) + 1 if lines else 0


def seconds_per_step() -> float:
    """The median of the last steps: the first ones wait for kernels and workers."""
    return statistics.median(line["step_s"] for line in log_lines()[-STEPS_TO_TIME // 2 :])


def latencies(weights: Path) -> list[dict[str, object]]:
    """Seconds and peak memory of a pair on the GPU."""
    found: list[dict[str, object]] = []
    for height, width in SIZES:
        for precision in ("f32", "bf16"):
            command = [sys.executable, "tests/benchmarks/probe.py", str(weights), "eager-cuda"]
            command += [precision, str(height), str(width), "5"]
            done = subprocess.run(command, env=environment(), capture_output=True, text=True)
            size = f"{height}x{width}"
            if done.returncode:
                found.append({"size": size, "precision": precision, "error": done.stderr[-300:]})
                continue
            found.append({"size": size, "precision": precision, **json.loads(done.stdout)})
    return found


def write_parts(path: Path, out: Path) -> None:
    """A file in pieces, named in order."""
    data = path.read_bytes()
    for number, start in enumerate(range(0, len(data), PART_BYTES)):
        (out / f"{path.stem}.part-{number:02d}").write_bytes(data[start : start + PART_BYTES])


def call(package: str, *arguments: str) -> None:
    """One command line of the project; its failure is ours."""
    command = [sys.executable, "-m", package, *arguments]
    print("$", " ".join(command), flush=True)
    subprocess.run(command, env=environment(), check=True)


def environment() -> dict[str, str]:
    """So that the packages are found without being installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([".", os.environ.get("PYTHONPATH", "")])}


if __name__ == "__main__":
    main()
