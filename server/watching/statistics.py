"""What each model has done since the server started, in counts and times, for the clients of /v2.

Every way to a prediction counts here, whichever protocol it came by. For the event loop alone.
"""

import time
from dataclasses import dataclass, field

from server.watching.request_record import SHOWN_STAGES, RequestRecord


@dataclass
class Tally:
    """How often, and how long together."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Once more."""
        self.count += 1
        self.seconds += seconds


@dataclass(kw_only=True)
class ModelTally:
    """Of one version of one model. A request may hold several images."""

    success: Tally = field(default_factory=Tally)
    """Requests, from decoding to the answer."""
    fail: Tally = field(default_factory=Tally)
    """Requests that reached the model's door and got another answer than maps."""
    stages: dict[str, Tally] = field(
        default_factory=lambda: {name: Tally() for name in SHOWN_STAGES}
    )
    """Of successful requests."""
    batches: dict[int, Tally] = field(default_factory=dict)
    """Jobs by the size of the batch they ran in, and their shares of its time."""
    last_s: float = 0.0
    """When the last request ended, seconds since 1970."""

    @property
    def num_jobs(self) -> int:
        """Images and pairs."""
        return sum(tally.count for tally in self.batches.values())

    def num_runs(self, batch_size: int) -> int:
        """Of the engine, with so many jobs. Batch mates that left count as if they had not."""
        return -(-self.batches[batch_size].count // batch_size)

    def add(self, record: RequestRecord) -> None:
        """A request has ended."""
        self.last_s = time.time()
        if record.status >= 400:
            self.fail.add(record.seconds)
            return
        seconds = {name: record.seconds_of(name) for name in SHOWN_STAGES}
        self.success.add(sum(seconds.values()))
        for name, stage_s in seconds.items():
            self.stages[name].add(stage_s)
        for run in record.runs:
            self.batches.setdefault(run.num_jobs, Tally()).add(run.seconds / run.num_jobs)


class Statistics:
    """All models that were ever asked."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], ModelTally] = {}

    def of(self, name: str, version: str) -> ModelTally:
        """One version of one model."""
        return self._tallies.get((name, version), ModelTally())

    def add(self, record: RequestRecord) -> None:
        """A request for a model has ended, one way or the other."""
        key = record.model, record.version
        self._tallies.setdefault(key, ModelTally()).add(record)
