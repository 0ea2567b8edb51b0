"""Latency and peak memory of a pair, three maps, in every engine: `make bench`.

Nothing is asserted about time: the table is for BENCHMARKS.md. Eager PyTorch needs the weights that
the bundle was made from: set ANYRES_WEIGHTS to the .safetensors file.
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
    weights = os.environ.get("ANYRES_WEIGHTS")
    for height, width in SIZES:
        runs = 5 if height < 1000 else 3
        cells = []
        for engine, precision in ENGINES:
            if engine == "eager" and not weights:
                cells.append("no ANYRES_WEIGHTS")
                continue
            source = weights if engine == "eager" else str(BUNDLE)
            found = measure(str(source), engine, precision, height, width, runs)
            cells.append(
                f"{found['best_s']:.2f} s  {found['cpu_s']:.2f} s  {found['peak_mib']:.0f}"
                if isinstance(found, dict)
                else found
            )
        table.add_row(f"{height}x{width}", *cells)
    Console(width=160).print(table)


def measure(
    source: str, engine: str, precision: str, height: int, width: int, runs: int
) -> dict[str, float] | str:
    """Figures of one probe, or why there are none."""
    command = [sys.executable, str(ROOT / "tests" / "benchmarks" / "probe.py")]
    arguments = [source, engine, precision, str(height), str(width), str(runs)]
    done = subprocess.run(
        command + arguments,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=900,
        check=False,
    )
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[-1][:60]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
