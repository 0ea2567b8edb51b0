"""The training loop: resumes exactly, and shows how far it is."""

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter

from models.dense_model import DenseModel
from models.weights import load_weights, save_weights
from training.allocator import keep_freed_memory
from training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from training.data.batch import Batch
from training.data.mixture import StepBatches
from training.losses.segmentation import balanced_weights
from training.optimizer import Average, make_optimizer
from training.recipe import Recipe
from training.run_folder import claim, forget_after, log_line
from training.schedule import rate_factor
from training.step import Chance, losses

# Share of the labelled pixels of CamVid's training images, in label order (counted over the set).
CAMVID_SHARE = (16.9, 23.3, 1.0, 31.7, 4.5, 9.7, 1.2, 1.1, 5.9, 0.6, 0.3)


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
    run = _Run(recipe, device)
    start = 0
    if checkpoint.is_file():
        start = load_checkpoint(
            checkpoint, model=run.model, average=run.average, optimizer=run.optimizer
        )
    loader = _loader(recipe, data or StepBatches(recipe.data), start, device)
    forget_after(folder / "losses.jsonl", start)
    with (
        SummaryWriter(folder / "tensorboard", purge_step=start) as board,
        (folder / "losses.jsonl").open("a", buffering=1) as log,
        _progress() as progress,
    ):
        bar = progress.add_task(recipe.name, total=recipe.num_steps, completed=start, state="")
        begun_s = time.monotonic()
        for step, batches in zip(range(start, recipe.num_steps), loader, strict=False):
            waited_s = time.monotonic() - begun_s  # for data
            values = run.step(step, batches)
            took_s = time.monotonic() - begun_s
            begun_s += took_s
            images = sum(_num_images(batch) for batch in batches)
            _report(progress, bar, values, images / took_s)
            log.write(log_line(step, {"step_s": took_s, "wait_s": waited_s, **values}))
            for name, value in values.items():
                board.add_scalar(name, value, step)
            board.add_scalar("images_per_s", images / took_s, step)
            done = step + 1
            if done % recipe.checkpoint_every == 0 or done == recipe.num_steps:
                log.flush()
                run.save(checkpoint, done)
                run.save_average(folder / "weights.safetensors", done)
    return folder / "weights.safetensors"


class _Run:
    """Model, optimizer and average, and one step of them."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        torch.manual_seed(recipe.data.seed)
        model = DenseModel(recipe.model)
        if recipe.init:
            model = load_weights(Path(recipe.init))
            if replace(model.config, name=recipe.model.name) != recipe.model:
                raise CheckpointError(
                    f"{recipe.init} is a {model.config.name} of another configuration than the "
                    f"recipe's {recipe.model.name}: choose weights of the same model"
                )
        self.model = model.train().to(device)
        # Convolutions read channels last; torch's own stub does not know the argument.
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(
            self.model,
            learning_rate=recipe.optimizer.learning_rate,
            weight_decay=recipe.optimizer.weight_decay,
        )
        self.average = Average(self.model, decay=recipe.optimizer.average_decay)
        share = torch.tensor(CAMVID_SHARE, device=device)
        self.class_weights = balanced_weights(share)

    def step(self, step: int, batches: list[Batch]) -> dict[str, float]:
        """Forward and backward over every batch of the step, then one update."""
        config = self.recipe.optimizer
        factor = rate_factor(
            step,
            num_steps=self.recipe.num_steps,
            warmup_steps=config.warmup_steps,
            shape=config.schedule,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * factor
        values: dict[str, float] = {"learning_rate": config.learning_rate * factor}
        parameters = list(self.model.parameters())
        gathered: list[Tensor | None] = [None] * len(parameters)
        finite = True
        for number, batch in enumerate(batches):
            chance = draw_chance(self.recipe, step, number)
            with self._autocast():
                found = losses(
                    self.model,
                    batch.to(self.device),
                    weights=self.recipe.weights,
                    class_weights=self.class_weights,
                    chance=chance,
                )
            total: Tensor = torch.stack(list(found.values())).sum()
            total.backward()
            for name, value in found.items():
                values[name] = values.get(name, 0.0) + float(value.detach())
            # Each batch is clipped on its own: flow's gradients begin a hundred times larger than
            # segmentation's, and one common factor would silence the latter.
            norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
            finite = finite and bool(norm.isfinite())
            values[f"gradient_norm_{number}"] = float(norm)
            gathered = [_add(a, p.grad) for a, p in zip(gathered, parameters, strict=True)]
            self.optimizer.zero_grad(set_to_none=True)
        if finite:
            for parameter, gradient in zip(parameters, gathered, strict=True):
                parameter.grad = gradient
            self.optimizer.step()
            self.average.update(self.model, step)
        self.optimizer.zero_grad(set_to_none=True)
        return values

    def _autocast(self) -> torch.autocast | nullcontext[None]:
        if self.recipe.precision == "f32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def save(self, path: Path, done: int) -> None:
        save_checkpoint(
            path,
            config=self.recipe.model,
            model=self.model,
            average=self.average,
            optimizer=self.optimizer,
            step=done,
        )

    def save_average(self, path: Path, done: int) -> None:
        notes = {"recipe": self.recipe.name, "step": str(done)}
        save_weights(path, self.recipe.model, self.average.state, **notes)


def draw_chance(recipe: Recipe, step: int, number: int) -> Chance:
    """The random choices of one forward pass, a function of the step alone so that runs resume."""
    rng = np.random.default_rng([recipe.data.seed, 1, step, number])
    return Chance(
        position_scale=float(np.exp(rng.uniform(-np.log(2), np.log(2)))),
        num_lookup_tokens=int(rng.choice(recipe.lookup_tokens)) if recipe.lookup_tokens else None,
        progress=step / recipe.num_steps,
    )


def _add(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b


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


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=Console(stderr=True),
        refresh_per_second=1,
    )


def _report(progress: Progress, bar: TaskID, values: dict[str, float], rate: float) -> None:
    shown = " ".join(
        f"{name} {value:.3f}" for name, value in values.items() if name not in ("learning_rate",)
    )
    progress.update(bar, advance=1, state=f"{rate:.1f} images/s  {shown}")
