"""What a run wrote down: its recipe and the values of its steps."""

import json
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOT_LOSSES = frozenset(("step", "step_s", "wait_s", "learning_rate", "peak_mib"))


def is_loss(name: str) -> bool:
    """Whether a value of a step is a loss: all are that are not known to be something else."""
    return name not in NOT_LOSSES and not name.startswith("gradient_norm")


class RunLogError(ValueError):
    """A file of a run's folder that the run did not write."""


@dataclass(frozen=True, kw_only=True)
class RunLog:
    """The steps of a run."""

    recipe: dict[str, Any]
    """As recipe.json holds it; empty where there is none."""
    steps: NDArray[np.int64]
    """(n,) numbers of the steps, ascending."""
    values: dict[str, NDArray[np.float64]]
    """(n,) by name; NaN where a step has no such value, or none that is finite."""

    @property
    def losses(self) -> dict[str, NDArray[np.float64]]:
        """By task."""
        return {name: values for name, values in self.values.items() if is_loss(name)}


def read_run_log(folder: Path) -> RunLog:
    """Recipe and steps of a run's folder; what is not there is empty.

    Raises:
        RunLogError: recipe.json or losses.jsonl is not what a run writes.
    """
    recipe_file, log_file = folder / "recipe.json", folder / "losses.jsonl"
    table: dict[str, array[float]] = {}
    num_steps = 0
    recipe: dict[str, Any] = {}
    try:
        if recipe_file.is_file():
            recipe = json.loads(recipe_file.read_text())
        if log_file.is_file():
            with log_file.open() as lines:
                for line in lines:
                    # A run in progress, or one that was killed, may have written half of its last.
                    if line.endswith("\n"):
                        _add(table, num_steps, json.loads(line))
                        num_steps += 1
        values = {name: np.array(column) for name, column in table.items()}
        steps = values.pop("step", np.zeros(0)).astype(np.int64)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunLogError(
            f"{folder}: {error!r}; expected recipe.json and losses.jsonl as training writes them: "
            f"restore them, or give the weights alone"
        ) from error
    return RunLog(recipe=recipe, steps=steps, values=values)


def _add(table: dict[str, "array[float]"], row: int, values: Any) -> None:
    """One row: a million steps are a hundred megabytes as numbers, and gigabytes as dictionaries.

    Raises:
        KeyError: the row has no step.
    """
    values["step"] = int(values["step"])
    for name, value in values.items():
        if name not in table:
            table[name] = array("d", [np.nan]) * row
        table[name].append(np.nan if value is None else float(value))
    for column in table.values():
        if len(column) == row:
            column.append(np.nan)


def smooth(values: NDArray[np.float64], *, memory_steps: float) -> NDArray[np.float64]:
    """(n,) averages of what came so far, newer values more: 1 / e after `memory_steps`.

    The average is that of the values seen, so that it does not begin at zero. NaN is left out, and
    stays NaN until the first number.
    """
    fade = float(np.exp(-1 / memory_steps))
    total = weight = 0.0
    found = np.full(values.shape, np.nan)
    for index, value in enumerate(values.tolist()):
        total, weight = total * fade, weight * fade
        if value == value:  # not NaN
            total, weight = total + value, weight + 1
        if weight > 0:
            found[index] = total / weight
    return found
