"""The training loop: resumes exactly, in any number of processes, and shows how far it is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from rich.console import Console
from torch.utils.data import Dataset

from models.runtime.allocator import keep_freed_memory
from training.class_count import classes_of, with_class_share
from training.data.batch import Batch
from training.data.mixture import StepBatches
from training.data.share import OwnSamples
from training.recipe import Recipe
from training.running.checkpoint import checkpoints_in, read_newest
from training.running.cores import NUM_CORES
from training.running.distributed import device_of, from_environment, joined
from training.running.loader import load
from training.running.run import Run
from training.running.run_folder import claim, forget_after
from training.running.stop_signals import Stopped, StopSignals
from training.running.writer import Writer
from training.watching.journal import Journal


class DataEndError(ValueError):
    """Data of fewer steps than the run has."""


def train(recipe: Recipe, folder: Path, data: Dataset[list[Batch]] | None = None) -> Path:
    """Run a recipe to its end, from its last checkpoint if there is one.

    Args:
        recipe: what to train.
        folder: receives checkpoint-*.safetensors, weights.safetensors, recipe.json, losses.jsonl
            and TensorBoard's files, all written by the first process.
        data: from the number of a step to its batches; by default what the recipe says, and rare
            classes then count more as often as they are rare in its labelled images.

    Returns:
        The averaged weights, ready for evaluation and export.

    Raises:
        CheckpointError: the folder holds a run of other data, another model or another optimizer,
            or checkpoints that cannot be read.
        RealDataError: a data set does not teach what it is named for.
        FileFormatError: a data set is missing or broken.
        ClassShareError: weights.class_share are not the model's classes.
        DataEndError: the data have fewer steps than the recipe.
        ProcessError: torchrun's processes cannot work together, or one of them was lost.
        Stopped: by a signal, after a step and its checkpoint.
    """
    processes = from_environment()
    device = device_of(recipe.device, processes)
    with joined(processes, device):
        keep_freed_memory()
        cores = max(NUM_CORES // processes.local_world_size, 1)
        torch.set_num_threads(recipe.threads or cores)
        if processes.is_first:
            _prepare(recipe, folder)
        own: Dataset[list[Batch]]
        if data is None:
            own = StepBatches(recipe.data, processes.share, classes_of(recipe))
            several = recipe.multi_resolution
            own.check_budgets(recipe.tokens_per_pass, times=several.cost if several else 1.0)
            if processes.is_first:
                own.check_data()
                recipe = with_class_share(recipe, folder)
            recipe = processes.told_by_first(recipe)
        else:
            own = OwnSamples(data, processes.share)
        run = Run(recipe, device, processes)
        if processes.is_first:
            _say("\n".join(run.lines))
        start = run.restore(read_newest(folder, _say) if processes.is_first else None)
        workers = recipe.data.num_workers
        loader = load(
            own,
            range(start, recipe.num_steps),
            num_workers=max(cores // 2, 1) if workers is None else workers,
            device=device,
        )
        _steps(run, folder, own, loader, start)
    return folder / "weights.safetensors"


def _prepare(recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for partial in folder.glob("*.partial"):  # what a killed run was writing
        partial.unlink()
    claim(folder / "recipe.json", recipe, resumes=bool(checkpoints_in(folder)))


def _steps(
    run: Run, folder: Path, data: Dataset[list[Batch]], loader: Iterator[list[Batch]], start: int
) -> None:
    """Steps from `start` to the recipe's last, or to a signal; checkpoints on the way."""
    recipe, processes = run.recipe, run.processes
    with ExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        journal = None
        if processes.is_first:
            forget_after(folder / "losses.jsonl", start)
            journal = stack.enter_context(
                Journal(recipe, folder, start, device=run.device, data=data)
            )
        writer = stack.enter_context(Writer())
        begun_s = time.monotonic()
        for step in range(start, recipe.num_steps):
            batches = _next(loader, step, recipe)
            waited_s = time.monotonic() - begun_s  # for data
            values = run.step(step, batches)
            took_s = time.monotonic() - begun_s
            begun_s += took_s
            told = processes.gather([signals.received, sum(_num_images(b) for b in batches)])
            stop = max(signal for signal, _ in told)
            if journal is not None:
                images = sum(images for _, images in told)
                journal.add(step, values, images=images, took_s=took_s, waited_s=waited_s)
            done = step + 1
            if stop or done % recipe.checkpoint_every == 0 or done == recipe.num_steps:
                if journal is not None:
                    journal.flush()  # the log never lacks a step that a checkpoint holds
                writer.wait()
                if journal is not None:
                    journal.checkpoint(done)
                write = run.saving(folder, done)
                if processes.is_first:
                    writer.start(write)
            writer.check()
            if stop and done < recipe.num_steps:
                writer.wait()
                raise Stopped(
                    f"stopped after step {done} of {recipe.num_steps}, {folder} holds all of it: "
                    f"the same command goes on from there",
                    signal_number=stop,
                )


def _next(loader: Iterator[list[Batch]], step: int, recipe: Recipe) -> list[Batch]:
    batches = next(loader, None)
    if batches is None:
        raise DataEndError(
            f"the data end before step {step} of {recipe.num_steps}: give data that know every "
            f"step, or set num_steps to {step}"
        )
    return batches


def _say(line: str) -> None:
    Console(stderr=True, soft_wrap=True).print(line, markup=False)


def _num_images(batch: Batch) -> int:
    return batch.image.shape[0] * (1 if batch.next_image is None else 2)
