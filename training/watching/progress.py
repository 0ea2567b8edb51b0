"""How far a run is: its rate, the time that is left, its memory, its losses.

In a terminal two lines that are drawn anew; elsewhere (a log file, nohup, CI) a line now and then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

import torch
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from training.running.memory import Memory, read_memory
from training.running.run_log import is_loss

MEMORY_STEPS = 20.0
"""Steps over which rate and step time are averaged, newer ones more: 1 / e after so many."""
MOST_LINES = 200
"""A log file of a whole run gets about as many lines ..."""
LONGEST_SILENCE = 100
"""... but never fewer than one in so many steps."""


@dataclass(kw_only=True)
class Pace:
    """Recent speed, from the time that each step took, checkpoints and waiting included."""

    weight: float = field(default=0.0, init=False)
    images: float = field(default=0.0, init=False)
    seconds: float = field(default=0.0, init=False)

    def add(self, *, images: int, took_s: float) -> None:
        """One step."""
        fade = 1 - 1 / MEMORY_STEPS
        self.weight = self.weight * fade + 1
        self.images = self.images * fade + images
        self.seconds = self.seconds * fade + took_s

    @property
    def images_per_s(self) -> float:
        """Zero before the first step."""
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def step_s(self) -> float:
        """Zero before the first step."""
        return self.seconds / self.weight if self.weight else 0.0


class Display:
    """Shows a run on stderr while it is entered."""

    def __init__(
        self,
        name: str,
        *,
        num_steps: int,
        start: int,
        device: torch.device,
        console: Console | None = None,
    ) -> None:
        self._name = name
        self._num_steps = num_steps
        self._device = device
        self._console = console or Console(stderr=True, soft_wrap=True)
        self._pace = Pace()
        self._every = max(min(num_steps // MOST_LINES, LONGEST_SILENCE), 1)
        self._first: int | None = None
        self._bar: _TwoLines | None = None
        if self._console.is_terminal:
            self._bar = _TwoLines(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=self._console,
                refresh_per_second=1,
            )
            self._task = self._bar.add_task(name, total=num_steps, completed=start, left="")

    def step(self, step: int, values: Mapping[str, float], *, images: int, took_s: float) -> None:
        """One step is done.

        Args:
            step: its number, from 0.
            values: losses and others by name; losses are shown.
            images: that it saw, in all processes.
            took_s: from the end of the step before to the end of this one.
        """
        self._pace.add(images=images, took_s=took_s)
        done = step + 1
        left_s = (self._num_steps - done) * self._pace.step_s
        if self._bar is not None:
            self._bar.line = self._state(values)
            self._bar.update(self._task, completed=done, left=f"left {clock(left_s)}")
            return
        if self._first is None:
            self._first = step
        if step == self._first or done % self._every == 0 or done == self._num_steps:
            share = f"{done}/{self._num_steps} ({done / self._num_steps:.0%})"
            line = f"{self._name} {share}, left {clock(left_s)}, {self._state(values)}"
            self._console.print(line, markup=False, highlight=False)

    def _state(self, values: Mapping[str, float]) -> str:
        return describe(self._pace, read_memory(self._device), values)

    def __enter__(self) -> "Display":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class _TwoLines(Progress):
    """A bar, and a line below it that is cut where the terminal ends."""

    line = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.line, no_wrap=True, overflow="ellipsis")


def describe(pace: Pace, memory: Memory, values: Mapping[str, float]) -> str:
    """Rate, step time, memory and losses in one line."""
    losses = " ".join(f"{name} {value:.3f}" for name, value in values.items() if is_loss(name))
    return f"{pace.images_per_s:.1f} images/s, {pace.step_s:.2f} s/step, {memory}, {losses}"


def clock(seconds: float) -> str:
    """A duration as people read it.

    >>> clock(59.6), clock(3661.0), clock(90_061.0)
    ('1:00', '1:01:01', '1 d 1:01:01')
    """
    total = round(seconds)
    days, hours, minutes = total // 86400, total // 3600 % 24, total // 60 % 60
    if days:
        return f"{days} d {hours}:{minutes:02d}:{total % 60:02d}"
    if hours:
        return f"{hours}:{minutes:02d}:{total % 60:02d}"
    return f"{minutes}:{total % 60:02d}"
