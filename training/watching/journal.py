"""What a run tells of itself: a log of its steps, TensorBoard's curves and pictures, its progress.

Kept by the first process alone.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import torch
from torch.utils.data import Dataset

from training.data.batch import Batch
from training.recipe import Recipe
from training.running.memory import read_memory
from training.running.run_folder import log_line
from training.watching.board import Board
from training.watching.progress import Display


class Journal:
    """Of the steps from `start` on."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        start: int,
        *,
        device: torch.device,
        data: Dataset[list[Batch]] | None = None,
    ) -> None:
        self._recipe = recipe
        self._weights = folder / "weights.safetensors"
        self._device = device
        self._stack = ExitStack()
        self._board = Board(folder / "tensorboard", start=start, device=device, data=data)
        self._stack.callback(self._board.close)
        log = (folder / "losses.jsonl").open("a", buffering=1)
        self._log = self._stack.enter_context(log)
        display = Display(recipe.name, num_steps=recipe.num_steps, start=start, device=device)
        self._display = self._stack.enter_context(display)

    def add(
        self, step: int, values: dict[str, float], *, images: int, took_s: float, waited_s: float
    ) -> None:
        """One step."""
        self._display.step(step, values, images=images, took_s=took_s)
        peak_mib = read_memory(self._device).peak_mib
        times = {"step_s": took_s, "wait_s": waited_s, "peak_mib": peak_mib}
        self._log.write(log_line(step, {**times, **values}))
        rates = {"images_per_s": images / took_s, "peak_mib": peak_mib}
        self._board.scalars(step, {**values, **rates})

    def flush(self) -> None:
        """Until the log is on the disk."""
        self._log.flush()
        os.fsync(self._log.fileno())

    def checkpoint(self, done: int) -> None:
        """After every n-th checkpoint: pictures of what the weights in the folder answer.

        Args:
            done: number of steps that are done.
        """
        every = self._recipe.checkpoint_every * self._recipe.pictures_every
        if every and done % every == 0:
            self._board.pictures(self._weights)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            # A run too short for any pictures has its report.
            if error is None and self._board.has_pictures:
                self._board.pictures(self._weights)
