"""One of the ways to train that a study compares."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch.utils.data import Dataset

from training.data.batch import Batch
from training.recipe import Recipe


@runtime_checkable
class Score(Protocol):
    """Held-out scores of a file of weights."""

    def __call__(self, weights: Path, *, final: bool) -> dict[str, float]:
        """Scores by name; on a part of the data, and with fewer names, where not `final`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """A model, what its steps see, and how it is scored. Travels to a process of its own.

    All three are values of classes or functions that can be imported: no lambda, no closure.
    """

    name: str
    """Names its folder too."""
    recipe: Recipe
    """Model, optimizer, precision and device. Its length and its data are not used."""
    data: Dataset[list[Batch]]
    """From the number of a step to its batches."""
    score: Score


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a method may train: every one of a study the same."""

    seconds: float
    """Of wall clock: steps and the waiting for their data. Scoring is not counted."""
    warmup_steps: int = 3
    """Steps of a throw-away model before the clock starts: the first ones pay for memory, for
    kernels that are chosen, and for workers that begin."""
    num_points: int = 4
    """Times at which the weights are kept and scored, evenly spaced, the last one at the end."""
    num_workers: int = 1
    """Processes that prepare data beside the training; 0 prepares it in between."""
