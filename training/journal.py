"""What a run tells of itself: a log of its losses, TensorBoard's curves, a line of progress."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch.utils.tensorboard import SummaryWriter

from training.recipe import Recipe
from training.run_folder import log_line


class Journal:
    """Kept by the first process alone."""

    def __init__(self, recipe: Recipe, folder: Path, start: int) -> None:
        self._stack = ExitStack()
        board = SummaryWriter(folder / "tensorboard", purge_step=start)
        self._board = self._stack.enter_context(board)
        log = (folder / "losses.jsonl").open("a", buffering=1)
        self._log = self._stack.enter_context(log)
        self._progress = self._stack.enter_context(_progress())
        self._bar = self._progress.add_task(
            recipe.name, total=recipe.num_steps, completed=start, state=""
        )

    def add(
        self, step: int, values: dict[str, float], *, images: int, took_s: float, waited_s: float
    ) -> None:
        """One step."""
        rate = images / took_s
        shown = " ".join(
            f"{name} {value:.3f}" for name, value in values.items() if name != "learning_rate"
        )
        self._progress.update(self._bar, advance=1, state=f"{rate:.1f} images/s  {shown}")
        self._log.write(log_line(step, {"step_s": took_s, "wait_s": waited_s, **values}))
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        self._board.add_scalar("images_per_s", rate, step)

    def flush(self) -> None:
        """Until the log is on the disk."""
        self._log.flush()
        os.fsync(self._log.fileno())

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


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
