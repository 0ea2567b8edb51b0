"""Scores that evaluation wrote, as bundle.json keeps them."""

import json
import math
from pathlib import Path

OWN = "ours"  # the method's name among the baselines


class ScoresError(ValueError):
    """A file that evaluation did not write, or one that says too little."""


def read_scores(path: Path) -> dict[str, float]:
    """Scores of the model itself by "data set/metric", to four digits.

    Raises:
        ScoresError: another layout than `python -m training evaluate MODEL --json FILE` writes, or
            scores of a part of the frames.
    """
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
        own = [row for rows in tables.values() for row in rows if row["method"] == OWN]
        parts = sorted({row["suite"] for row in own if row["quick"]})
        scores = {
            f"{row['suite']}/{metric}": float(f"{value:.4g}")
            for row in own
            for metric, value in row["scores"].items()
        }
        if not all(math.isfinite(value) for value in scores.values()):
            raise ValueError("a score is not a finite number")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoresError(
            f"{path}: {error!r}; expected what `python -m training evaluate MODEL --json FILE` "
            f"writes: run it again"
        ) from error
    if parts:
        raise ScoresError(
            f"{path}: {', '.join(parts)} scored on a part of the frames, expected all of them: "
            f"evaluate without --quick"
        )
    return scores
