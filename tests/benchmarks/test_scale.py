"""What sharing a step, recomputing activations and writing beside the run cost here: `make bench`.

Nothing is asserted about time. What is compared runs in turns, so that a busy machine slows both.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.utils.data import Dataset

from models.dense_model import DenseModel
from models.presets import PRESETS
from tests.training import fleet
from training.data.batch import Batch, collate
from training.data.sample import Cut
from training.recipe import DataConfig, Recipe
from training.running.blocks import recompute
from training.running.run import Run

RECIPE = Recipe(
    name="scale",
    summary="for benchmarks",
    model=PRESETS["lookup-t"],
    num_steps=4,
    data=DataConfig(num_workers=0),
    device="cpu",
    checkpoint_every=10**6,
)
SHIPPED = replace(RECIPE, model=PRESETS["lookup-s"], threads=1)
WAYS = {
    "1 process, 2 threads": (replace(RECIPE, threads=2), 1),
    "2 processes, 1 thread each": (replace(RECIPE, threads=1), 2),
    "the same, sharded": (replace(RECIPE, threads=1, parallel="fsdp"), 2),
}
ROUNDS = 2
LIMIT_S = 600


@dataclass(frozen=True)
class Noise(Dataset[list[Batch]]):
    """Half of the images and pairs of a step of `street`, without the time that reading takes."""

    def __getitem__(self, step: int) -> list[Batch]:
        rng = np.random.default_rng(step)
        images = [noise(rng, (256, 320), pair=False) for _ in range(2)]
        pairs = [noise(rng, (192, 256), pair=True) for _ in range(2)]
        return [collate(images), collate(pairs)]


def noise(rng: np.random.Generator, size: tuple[int, int], *, pair: bool) -> Cut:
    """A sample of which everything is known."""
    origin = np.zeros((1, 2), np.int64)
    return Cut(
        name="noise",
        canvas=size,
        origins=origin,
        image=rng.integers(0, 256, (1, *size, 3), np.uint8),
        next_origins=origin if pair else None,
        next_image=rng.integers(0, 256, (1, *size, 3), np.uint8) if pair else None,
        labels=rng.integers(0, 11, (1, *size), np.uint8),
        inverse_depth=rng.uniform(0.1, 1, (1, *size)).astype(np.float32) if pair else None,
        flow=rng.normal(0, 3, (1, *size, 2)).astype(np.float32) if pair else None,
    )


def test_one_process_of_two_threads_against_two_processes_of_one(tmp_path: Path) -> None:
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(ROUNDS):
        for way, (recipe, world_size) in WAYS.items():
            folder = tmp_path / f"{way} {turn}"
            processes = fleet.start(folder, recipe, Noise(), world_size=world_size)
            assert fleet.wait(processes, limit_s=LIMIT_S) == [0] * world_size
            lines = (folder / "losses.jsonl").read_text().splitlines()
            seconds[way] += [json.loads(line)["step_s"] for line in lines[1:]]
    first = statistics.median(next(iter(seconds.values())))
    tell(f"load of the machine {os.getloadavg()[1]:.1f}; threads suffer most from company:")
    for way, found in seconds.items():
        step_s = statistics.median(found)
        tell(f"{way}: {step_s:.2f} s per step, {first / step_s:.2f} of the first")


def test_activations_kept_and_recomputed() -> None:
    batches = Noise()[0]
    run = Run(replace(SHIPPED, precision="f32"), torch.device("cpu"))
    plain = cost(run, batches)
    recompute(run.model)
    less = cost(run, batches)
    tell(
        f"activations: {plain.mib:.0f} MiB kept, {less.mib:.0f} MiB recomputed "
        f"({less.mib / plain.mib:.2f}); CPU time of a step {less.cpu_s / plain.cpu_s:.2f} of before"
    )


@dataclass(frozen=True, kw_only=True)
class Cost:
    mib: float
    """Most that waits for the backward pass of one batch."""
    cpu_s: float
    """Of a step on one thread: what else runs on the machine does not count."""


def cost(run: Run, batches: list[Batch]) -> Cost:
    run.step(0, batches)
    begun_s = time.process_time()
    for step in (1, 2):
        run.step(step, batches)
    cpu_s = (time.process_time() - begun_s) / 2
    storages: dict[int, Tensor] = {}

    def pack(x: Tensor) -> Tensor:
        storages[x.untyped_storage().data_ptr()] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        run.step(3, batches[1:])
    own = {p.untyped_storage().data_ptr() for p in run.model.parameters()}
    kept = [x.untyped_storage().nbytes() for at, x in storages.items() if at not in own]
    return Cost(mib=sum(kept) / 2**20, cpu_s=cpu_s)


def test_what_a_checkpoint_holds_up(tmp_path: Path) -> None:
    run = Run(SHIPPED, torch.device("cpu"))
    run.step(0, [batch.rows(slice(0, 1)) for batch in Noise()[0]])
    box: list[Callable[[], None]] = []
    stall_s = timed(lambda: box.append(run.saving(tmp_path, 1)))
    write_s = timed(box[0])
    mib = sum(file.stat().st_size for file in tmp_path.iterdir()) / 2**20
    count = sum(p.numel() for p in DenseModel(SHIPPED.model).parameters()) / 1e6
    tell(
        f"a checkpoint of {count:.1f} M parameters, {mib:.0f} MiB with the averaged weights: the "
        f"run waits {1e3 * stall_s:.0f} ms for the copy; writing beside it takes {write_s:.2f} s"
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds."""
    begun_s = time.monotonic()
    call()
    return time.monotonic() - begun_s


def tell(line: str) -> None:
    """For BENCHMARKS.md."""
    Console(soft_wrap=True).print(line)
