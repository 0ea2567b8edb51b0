"""Scores that evaluation wrote, as bundle.json keeps them."""

import json
from pathlib import Path

OWN = "ours"  # the method's name among the baselines


class ScoresError(ValueError):
    """A file that evaluation did not write."""


def read_scores(path: Path) -> dict[str, float]:
    """Scores of the model itself by "data set/metric", to four digits.

    Raises:
        ScoresError: another layout than `python -m training evaluate MODEL --json FILE` writes.
    """
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
        return {
            f"{row['suite']}/{metric}": float(f"{value:.4g}")
            for rows in tables.values()
            for row in rows
            if row["method"] == OWN
            for metric, value in row["scores"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoresError(
            f"{path}: {error!r}; expected what `python -m training evaluate MODEL --json FILE` "
            f"writes: run it again"
        ) from error
