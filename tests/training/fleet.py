"""Runs in processes of their own, started as torchrun would start them, and killed where asked.

    torchrun --nproc-per-node 2 -m tests.training.fleet FOLDER

trains the same small run by torchrun itself. The processes are forked from a server that has torch
imported and nothing else done: a start costs no seconds, and no process inherits threads.
"""

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from models.config import FlowConfig, LookupConfig, ModelConfig
from training.data.batch import Batch, collate
from training.data.sample import Cut
from training.loop import train
from training.recipe import DataConfig, OptimizerConfig, Recipe

RECIPE = Recipe(
    name="fleet",
    summary="for tests",
    model=ModelConfig(
        name="tiny",
        backbone=LookupConfig(
            channels=(8, 16, 32), num_blocks=(1, 1, 2), num_heads=2, num_lookup_tokens=9
        ),
        neck_channels=8,
        flow=FlowConfig(descriptor_channels=8, context_channels=8, hidden_channels=16, radius=1),
    ),
    num_steps=6,
    data=DataConfig(num_workers=0),
    optimizer=OptimizerConfig(warmup_steps=2, learning_rate=3e-3),
    precision="f32",
    device="cpu",
    threads=1,
    lookup_tokens=(6, 9),
    checkpoint_every=1,
)
WAIT_S = 300.0
"""For a process to end. Generous: nothing is asserted about time but that it comes."""


class Uneven(Dataset[list[Batch]]):
    """Four images and two pairs a step; how much is known differs from sample to sample."""

    def __getitem__(self, step: int) -> list[Batch]:
        images = [make(np.random.default_rng([step, 0, i]), pair=False) for i in range(4)]
        pairs = [make(np.random.default_rng([step, 1, i]), pair=True) for i in range(2)]
        return [collate(images), collate(pairs)]


def make(rng: np.random.Generator, *, pair: bool) -> Cut:
    """Bright is class 1 and near; pairs move by a pixel. A random part of it is known."""
    level = np.kron(rng.integers(0, 2, (3, 4)), np.ones((16, 16), int))
    image = (level[..., None] * 150 + rng.integers(0, 60, (48, 64, 3))).astype(np.uint8)
    labels = level[None].astype(np.uint8)
    labels[:, : rng.integers(49)] = 255
    depth = (level[None] + 0.1).astype(np.float32)
    depth[:, : rng.integers(49)] = np.nan
    flow = np.tile(np.array([1.0, 0.0], np.float32), (1, 48, 64, 1))
    flow[:, : rng.integers(40)] = np.nan
    return Cut(
        name="uneven",
        canvas=(48, 64),
        origins=np.zeros((1, 2), np.int64),
        image=image[None],
        next_origins=np.zeros((1, 2), np.int64) if pair else None,
        next_image=np.roll(image, 1, axis=1)[None] if pair else None,
        labels=labels,
        inverse_depth=depth if pair else None,
        flow=flow if pair else None,
    )


class PairsFirst(Uneven):
    """The same, the images last."""

    def __getitem__(self, step: int) -> list[Batch]:
        return super().__getitem__(step)[::-1]


@dataclass(frozen=True)
class FailsOn(Uneven):
    """Data that one rank cannot read."""

    rank: int
    step: int

    def __getitem__(self, step: int) -> list[Batch]:
        if step == self.step and os.environ.get("RANK") == str(self.rank):
            raise ValueError("this sample is broken: remove it")
        return super().__getitem__(step)


@dataclass(frozen=True)
class Signalled(Uneven):
    """A process that gets a signal while it reads the data of a step."""

    rank: int
    step: int
    number: int

    def __getitem__(self, step: int) -> list[Batch]:
        if step == self.step and os.environ.get("RANK", "0") == str(self.rank):
            os.kill(os.getpid(), self.number)
        return super().__getitem__(step)


@dataclass(frozen=True)
class EndsAt(Uneven):
    """Data that end early: so does the run, as if it had been killed."""

    step: int

    def __getitem__(self, step: int) -> list[Batch]:
        if step >= self.step:
            raise StopIteration
        return super().__getitem__(step)


_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.training.fleet"])


def start(
    folder: Path,
    recipe: Recipe = RECIPE,
    data: Dataset[list[Batch]] | None = None,
    *,
    world_size: int = 1,
    killed_at: int = 0,
) -> list[BaseProcess]:
    """A run's processes, by rank.

    Args:
        folder: of the run; stderr-RANK.txt there holds what each process said.
        recipe: of the run.
        data: of the run, Uneven by default.
        world_size: how many processes.
        killed_at: rank 0 is killed before it flushes, renames or removes a file for the so many-th
            time; 0 lets it live.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    processes: list[BaseProcess] = []
    for rank in range(world_size):
        environment = {}
        if world_size > 1:
            environment = {
                "RANK": str(rank),
                "WORLD_SIZE": str(world_size),
                "LOCAL_RANK": str(rank),
                "LOCAL_WORLD_SIZE": str(world_size),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
        arguments = (rank, environment, folder, recipe, data or Uneven(), killed_at)
        process = _context.Process(target=_run, args=arguments, daemon=True)
        process.start()
        processes.append(process)
    return processes


def wait(processes: list[BaseProcess], *, limit_s: float = WAIT_S) -> list[int | None]:
    """Exit codes by rank; a process that hangs is killed and has none."""
    codes = []
    for process in processes:
        process.join(limit_s)
        hangs = process.is_alive()
        if hangs:
            process.kill()
            process.join()
        codes.append(None if hangs else process.exitcode)
    return codes


def run(folder: Path, *arguments: Any, **keywords: Any) -> list[int | None]:
    """Start and wait."""
    return wait(start(folder, *arguments, **keywords))


def said(folder: Path, rank: int = 0) -> str:
    """What a process wrote to its standard error."""
    return (folder / f"stderr-{rank}.txt").read_text()


def _run(
    rank: int,
    environment: dict[str, str],
    folder: Path,
    recipe: Recipe,
    data: Dataset[list[Batch]],
    killed_at: int,
) -> None:
    log = os.open(folder / f"stderr-{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 2)
    os.environ.update(environment)
    torch.set_num_threads(1)
    if killed_at and rank == 0:
        _kill_before(killed_at)
    train(recipe, folder, data)


def _kill_before(number: int) -> None:
    """End this process for good before its so many-th operation that makes a file durable."""
    done = 0

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal done
            done += 1
            if done == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **keywords)

        return call

    os.fsync = counted(os.fsync)
    os.replace = counted(os.replace)
    os.unlink = counted(os.unlink)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


if __name__ == "__main__":
    train(replace(RECIPE, num_steps=4), Path(sys.argv[1]), Uneven())
