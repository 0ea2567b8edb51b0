"""Latency and peak memory of a pair, three maps, in every engine: `make bench`.

Nothing is asserted about time: the table is for BENCHMARKS.md. Eager PyTorch runs the weights that
lie in the bundle.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "models" / "bundles" / "street"
SIZES = ((270, 480), (720, 1280), (1080, 1920), (2160, 3840))
LIMIT_S = 600
ENGINES = (
    ("eager", "f32"),
    ("eager", "bf16"),
    ("onnxruntime", "f32"),
    ("openvino", "f32"),
    ("openvino", "bf16"),
)


def test_latency_and_memory_of_a_pair() -> None:
    table = Table(title="A pair, three maps: seconds (best), CPU seconds, peak MiB")
    table.add_column("size (HxW)")
    for engine, precision in ENGINES:
        table.add_column(f"{engine} {precision}")
    for height, width in SIZES:
        runs = 5 if height < 1000 else 3
        found = [measure(engine, precision, height, width, runs) for engine, precision in ENGINES]
        table.add_row(f"{height}x{width}", *found)
        Console(width=200).print(table)  # again with each row: what is measured is not lost


def measure(engine: str, precision: str, height: int, width: int, runs: int) -> str:
    """Figures of one probe, or why there are none."""
    probe = [sys.executable, str(ROOT / "tests" / "benchmarks" / "probe.py"), str(BUNDLE)]
    try:
        done = subprocess.run(
            [*probe, engine, precision, str(height), str(width), str(runs)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=LIMIT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return f"over {LIMIT_S} s"
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["killed, out of memory?"]
        return f"exit {error.returncode}: {last[0][:60]}"
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return f"{found['best_s']:.2f} s  {found['cpu_s']:.2f} s  {found['peak_mib']:.0f}"
