"""What each model has done since it was loaded, in counts and times. For the event loop alone.

Every way to a prediction counts here, whichever protocol it came by.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.bundle import Bundle


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
    """Requests, first stage to last."""
    fail: Tally = field(default_factory=Tally)
    """Requests that reached the model's door and got another answer than maps."""
    decode: Tally = field(default_factory=Tally)
    queue: Tally = field(default_factory=Tally)
    infer: Tally = field(default_factory=Tally)
    encode: Tally = field(default_factory=Tally)
    batches: dict[int, Tally] = field(default_factory=dict)
    """Images by the size of the batch they ran in, and their shares of its time."""
    last_s: float = 0.0
    """Of the last request, seconds since 1970."""

    @property
    def num_images(self) -> int:
        return sum(tally.count for tally in self.batches.values())

    def num_runs(self, batch_size: int) -> int:
        """Of the engine, with so many images. Batch mates that left count as if they had not."""
        return -(-self.batches[batch_size].count // batch_size)

    def succeeded(
        self,
        *,
        decode_s: float,
        queue_s: float,
        infer_s: float,
        encode_s: float,
        runs: Iterable[tuple[int, float]],
    ) -> None:
        """A request was answered; `runs` has batch size and seconds of the run of each image."""
        self.last_s = time.time()
        self.success.add(decode_s + queue_s + infer_s + encode_s)
        self.decode.add(decode_s)
        self.queue.add(queue_s)
        self.infer.add(infer_s)
        self.encode.add(encode_s)
        for batch_size, run_s in runs:
            self.batches.setdefault(batch_size, Tally()).add(run_s / batch_size)

    def failed(self, seconds: float) -> None:
        """A request was not."""
        self.last_s = time.time()
        self.fail.add(seconds)


class Statistics:
    """All models that were ever asked."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], ModelTally] = {}

    def of(self, bundle: Bundle) -> ModelTally:
        """One version of one model."""
        return self._tallies.setdefault((bundle.name, bundle.version), ModelTally())
