"""The training loop: resumes exactly, and shows how far it is."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from training.allocator import keep_freed_memory
from training.data.batch import Batch
from training.data.mixture import StepBatches
from training.journal import Journal
from training.recipe import Recipe
from training.run import Run
from training.run_folder import claim, forget_after


def train(recipe: Recipe, folder: Path, data: Dataset[list[Batch]] | None = None) -> Path:
    """Run a recipe to its end, from its last checkpoint if there is one.

    Args:
        recipe: what to train.
        folder: receives checkpoint.safetensors, weights.safetensors, recipe.json, losses.jsonl and
            TensorBoard's files.
        data: from the number of a step to its batches; by default what the recipe says.

    Returns:
        The averaged weights, ready for evaluation and export.

    Raises:
        CheckpointError: the folder holds a run of other data, another model or another optimizer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.safetensors"
    claim(folder / "recipe.json", recipe, resumes=checkpoint.is_file())
    device = _device(recipe)
    keep_freed_memory()
    torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
    run = Run(recipe, device)
    start = 0
    if checkpoint.is_file():
        start = run.load(checkpoint)
    data = data or StepBatches(recipe.data)
    loader = _loader(recipe, data, start, device)
    forget_after(folder / "losses.jsonl", start)
    with Journal(recipe, folder, start, device=device, data=data) as journal:
        begun_s = time.monotonic()
        for step, batches in zip(range(start, recipe.num_steps), loader, strict=False):
            waited_s = time.monotonic() - begun_s  # for data
            values = run.step(step, batches)
            took_s = time.monotonic() - begun_s
            begun_s += took_s
            images = sum(_num_images(batch) for batch in batches)
            journal.add(step, values, images=images, took_s=took_s, waited_s=waited_s)
            done = step + 1
            if done % recipe.checkpoint_every == 0 or done == recipe.num_steps:
                journal.flush()
                run.save(checkpoint, done)
                run.save_average(folder / "weights.safetensors", done)
                journal.checkpoint(done)
    return folder / "weights.safetensors"


def _device(recipe: Recipe) -> torch.device:
    if recipe.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(recipe.device)


def _loader(
    recipe: Recipe, data: Dataset[list[Batch]], start: int, device: torch.device
) -> Iterator[list[Batch]]:
    steps = range(start, recipe.num_steps)
    workers = recipe.data.num_workers
    if workers is None:
        workers = max((os.cpu_count() or 1) // 2, 1)
    loader: DataLoader[list[Batch]] = DataLoader(
        data,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_be_modest,
        pin_memory=device.type == "cuda",
    )
    return iter(loader)


def _be_modest(worker: int) -> None:
    del worker
    torch.set_num_threads(1)
    # With OMP_PROC_BIND the parent sits on one core, and a child would share it.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    os.nice(5)  # the step comes first on a machine with few cores


def _num_images(batch: Batch) -> int:
    return batch.image.shape[0] * (1 if batch.next_image is None else 2)
