"""One line of a table, before it is known of which data set."""

from dataclasses import dataclass

OWN = "ours"
"""The method's name of the model itself, among the baselines."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A model or a baseline, and its scores."""

    method: str
    num_images: int
    scores: dict[str, float]
