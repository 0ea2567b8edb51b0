"""One engine at one size, in a process of its own: peak memory is the process's.

    python tests/benchmarks/probe.py BUNDLE ENGINE PRECISION HEIGHT WIDTH RUNS

prints one JSON object. ENGINE `eager` (or `eager-cuda`) is PyTorch with the weights in the bundle;
it takes a .safetensors file as well.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np

from models.bundle_folder import read_bundle
from models.runtime.predictor import predict
from models.runtime.protocol import Runtime
from models.runtime.select import select_runtime


def open_runtime(source: Path, engine: str, precision: str) -> Runtime:
    """The engine with its model loaded."""
    if engine.startswith("eager"):
        return _eager(source, precision, device="cuda" if engine == "eager-cuda" else "cpu")
    bundle = read_bundle(source)
    return select_runtime(source, bundle, engine=engine, precision=precision).runtime


def _eager(source: Path, precision: str, device: str) -> Runtime:
    from export.storage import read_model
    from models.runtime.eager import EagerRuntime
    from models.weights import load_weights

    if source.is_dir():
        files = {name: graph.file for name, graph in read_bundle(source).graphs.items()}
        model = read_model(source, files)
    else:
        model = load_weights(source)
    known: Literal["f32", "bf16"] = "bf16" if precision == "bf16" else "f32"
    return EagerRuntime(model, precision=known, device=device)


def main(source: str, engine: str, precision: str, height: str, width: str, runs: str) -> None:
    """Time a pair with all three maps."""
    runtime = open_runtime(Path(source), engine, precision)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (int(height), int(width), 3), np.uint8)
    following = np.roll(image, 3, axis=1)
    idle_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall_s, cpu_s = [], []
    for _ in range(int(runs)):
        wall, cpu = time.perf_counter(), time.process_time()
        predict(runtime, image, following)
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {
        "first_s": wall_s[0],
        "best_s": min(wall_s[1:] or wall_s),
        "cpu_s": min(cpu_s[1:] or cpu_s),
        "peak_mib": peak_kib / 1024,
        "loaded_mib": idle_kib / 1024,
        "precisions": dict(runtime.precisions),
    }
    if engine == "eager-cuda":
        import torch

        result["peak_gpu_mib"] = torch.cuda.max_memory_allocated() / 2**20
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
