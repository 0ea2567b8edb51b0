"""Training for a given time instead of a given number of steps."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

import torch

from models.runtime.allocator import keep_freed_memory
from models.weights import save_weights
from training.recipe import Recipe
from training.running import distributed
from training.running.cores import NUM_CORES
from training.running.distributed import Processes
from training.running.loader import load
from training.running.memory import read_memory
from training.running.run import Run
from training.studies.method import Budget, Method
from training.whole_file import write_whole

WARMUP_SHARE = 0.05
"""Share of the budget in which the learning rate rises."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What training for a while cost. The weights lie beside it."""

    num_steps: int
    trained_s: float
    """Wall clock of all steps and of the waiting for their data."""
    step_s: float
    """Median of a step: forward, backward, update."""
    wait_s: float
    """Median waiting for the data of a step."""
    peak_mib: float
    """Most memory of the process until its end: of the device on a GPU, resident on a CPU."""
    idle_mib: float
    """The same before there is a model: libraries."""
    points: tuple[tuple[float, str], ...]
    """(seconds trained, name of the file of weights), the last one at the end."""


def fit(method: Method, budget: Budget, folder: Path, *, report: Callable[[str], None]) -> Fit:
    """Train a method until its time is over, unless the folder says that this is done.

    The learning rate follows the clock: a cosine over the budget, whatever a step takes.

    Args:
        method: what to train.
        budget: for how long.
        folder: receives `fit.json` and the weights at every point.
        report: called with a line at every point.
    """
    done = folder / "fit.json"
    if done.is_file():
        return read_fit(done)
    folder.mkdir(parents=True, exist_ok=True)
    device = device_of(method.recipe)
    keep_freed_memory()
    torch.set_num_threads(method.recipe.threads or NUM_CORES)
    idle = read_memory(device).current_mib
    # Steps without an end: time is it.
    data = load(method.data, count(), num_workers=budget.num_workers, device=device)
    rehearsal = Run(method.recipe, device)
    for step in range(budget.warmup_steps):
        rehearsal.step(step, next(data))
    del rehearsal
    run = Run(method.recipe, device)
    spent_s = 0.0
    steps_s: list[float] = []
    waits_s: list[float] = []
    points: list[tuple[float, str]] = []
    while spent_s < budget.seconds:
        begun_s = time.monotonic()
        batches = next(data)
        waited_s = time.monotonic() - begun_s
        step = len(steps_s)
        run.recipe = follow_clock(run.recipe, step, share=spent_s / budget.seconds)
        values = run.step(step, batches)
        took_s = time.monotonic() - begun_s
        spent_s += took_s
        steps_s.append(took_s - waited_s)
        waits_s.append(waited_s)
        if spent_s >= budget.seconds * (len(points) + 1) / budget.num_points:
            name = f"weights-{len(points) + 1}.safetensors"
            save_weights(folder / name, run.recipe.model, run.average.state, step=str(step + 1))
            points.append((spent_s, name))
            report(
                f"{method.name}: {spent_s:.0f} of {budget.seconds:.0f} s, {step + 1} steps, "
                f"{statistics.median(steps_s):.3f} s per step, {_shown(values)}"
            )
    result = Fit(
        num_steps=len(steps_s),
        trained_s=spent_s,
        step_s=statistics.median(steps_s),
        wait_s=statistics.median(waits_s),
        peak_mib=read_memory(device).peak_mib,
        idle_mib=idle,
        points=tuple(points),
    )
    write_whole(done, json.dumps(asdict(result), indent=2) + "\n")
    return result


def read_fit(path: Path) -> Fit:
    """What `fit` wrote."""
    values = json.loads(path.read_text())
    points = tuple((float(at_s), str(name)) for at_s, name in values.pop("points"))
    return Fit(**values, points=points)


def follow_clock(recipe: Recipe, step: int, *, share: float) -> Recipe:
    """The recipe whose length makes `step` lie at this share of it, in [0, 1).

    Every schedule reads the length: rate, warm-up, and when flow turns to its likelihood.
    """
    # Before anything is known of the pace: at the very start of a run of any length.
    length = max(round(step / share), step + 1) if step and share > 0 else 1000
    warmup = max(round(WARMUP_SHARE * length), 1)
    return replace(
        recipe,
        num_steps=length,
        optimizer=replace(recipe.optimizer, warmup_steps=warmup),
    )


def device_of(recipe: Recipe) -> torch.device:
    """The device that a recipe asks for, of one process.

    Raises:
        ProcessError: a GPU that is not there.
    """
    return distributed.device_of(recipe.device, Processes())


def _shown(values: dict[str, float]) -> str:
    losses = {k: v for k, v in values.items() if not k.startswith(("gradient", "learning"))}
    return " ".join(f"{name} {value:.3f}" for name, value in losses.items())
