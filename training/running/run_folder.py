"""A run's folder: what it is made of, and the log of its steps."""

import json
import math
from pathlib import Path

from training.recipe import Recipe, differences, recipe_to_dict
from training.running.checkpoint import CheckpointError
from training.whole_file import write_whole


def claim(file: Path, recipe: Recipe, *, resumes: bool) -> None:
    """Write down what the folder's run is made of, unless it is made of something else.

    Args:
        file: recipe.json of the run.
        recipe: of the run that is about to start.
        resumes: whether the folder holds a checkpoint to go on from.

    Raises:
        CheckpointError: the folder's run has other data, another model or another optimizer.
    """
    if resumes and file.is_file():
        others = differences(json.loads(file.read_text()), recipe)
        if others:
            raise CheckpointError(
                f"{file.parent} holds a run with other values of {', '.join(others)}: give the "
                f"ones in {file.name}, or move the folder away to start anew"
            )
    write_whole(file, json.dumps(recipe_to_dict(recipe), indent=2) + "\n")


def forget_after(log: Path, start: int) -> None:
    """Leave out of the log what came after the checkpoint: it happens again."""
    if log.is_file():
        lines = log.read_text().splitlines(keepends=True)
        write_whole(log, "".join(line for line in lines if _step(line) < start))


def _step(line: str) -> float:
    """Of a line of the log; the last one may have been cut when the run was killed."""
    try:
        return float(json.loads(line)["step"])
    except json.JSONDecodeError:
        return math.inf


def log_line(step: int, values: dict[str, float]) -> str:
    """One step as JSON; null where a value is not finite, which JSON cannot write.

    Nine digits tell any two float32 apart: the logs of two runs that are the same are the same.
    """
    finite = {name: float(f"{x:.9g}") if math.isfinite(x) else None for name, x in values.items()}
    return json.dumps({"step": step, **finite}) + "\n"
