"""Everything that a report speaks of, before any of it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from models.image.palette import Palette
from models.task import Task
from training.running.run_log import RunLog
from training.scoring.evaluate import Evaluation, Findings

Kind = TypeVar("Kind", bound=Findings)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A model, what it scored, and the run that made it, as far as they are there."""

    name: str
    made_at: str
    """Date and time."""
    facts: tuple[tuple[str, str], ...]
    """About the model."""
    tasks: tuple[str, ...]
    """What the model answers."""
    palette: Palette
    evaluation: Evaluation | None
    """None: there are no weights yet."""
    is_quick: bool
    """Some frames of the long data sets alone were scored."""
    log: RunLog | None
    """None: it is not known which run made the model."""

    def findings(self, kind: type[Kind]) -> Sequence[Kind]:
        """Those of one kind, in the order of the tables."""
        found = [] if self.evaluation is None else self.evaluation.findings
        return [one for one in found if isinstance(one, kind)]

    def why_empty(self, task: Task) -> str:
        """Why there is nothing to show of a task."""
        if self.evaluation is None:
            return "There are no weights to score yet: the run has not reached a checkpoint."
        if task not in self.tasks:
            return f"The model answers no {task.value}."
        reasons = [one for one in self.evaluation.left_out if one.task == task.value]
        if not reasons:
            return f"No data set of {task.value} was asked for."
        named = "; ".join(f"{one.title}: {one.reason}" for one in reasons)
        return f"No data set of {task.value} is there. {named}"
