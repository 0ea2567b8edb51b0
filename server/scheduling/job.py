"""What the worker is asked, and what it answers."""

from dataclasses import dataclass
from enum import StrEnum

from models.runtime.job import Job
from models.runtime.predictor import Prediction
from models.runtime.protocol import Features

__all__ = ["Answer", "Job", "Priority"]


class Priority(StrEnum):
    """Two lanes. Both move: the second is served when the first is empty, or has waited long."""

    INTERACTIVE = "interactive"
    """Somebody looks at the screen."""
    BATCH = "batch"
    """A folder that is worked through."""
    NORMAL = "interactive"
    """Of who says nothing: another name for interactive."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """Maps, and how long they took.

    They equal those of the job run by itself: whoever else was in the batch, and however much
    padding, does not matter (float32: 1e-3 relative or 5e-3 px; bfloat16 keeps eight bits).
    """

    prediction: Prediction
    features: Features | None = None
    """Of the newest frame, if the job asked to keep them and the bundle has flow."""
    queue_s: float
    infer_s: float
    """Of the whole batch that it ran in."""
    batch_size: int = 1
    """Jobs in that batch."""
