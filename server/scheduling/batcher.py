"""Which requests the engine takes next. Pure policy: no clock, no thread, no pixels.

For now first come, first served, one at a time (the two frames of a pair are one request). On a
CPU that is also the fastest: batches gain nothing there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A request in the queue."""

    id: int
    num_pixels: int
    arrived_s: float
    deadline_s: float
    """Monotonic, like `arrived_s`. An answer after it is of no use."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now. Both have left the queue."""

    run: tuple[Waiting, ...]
    """Together, in one batch."""
    expired: tuple[Waiting, ...]
    """To be told that they waited too long."""


class Batcher:
    """The queue of one engine. Not thread-safe: its worker holds a lock around it."""

    def __init__(self) -> None:
        self._queue: dict[int, Waiting] = {}  # in order of arrival

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def num_pixels(self) -> int:
        """Of all that wait."""
        return sum(waiting.num_pixels for waiting in self._queue.values())

    def add(self, waiting: Waiting) -> None:
        """Stand at the end of the queue."""
        self._queue[waiting.id] = waiting

    def drop(self, id: int) -> bool:
        """Leave the queue; false if it is not there (any more)."""
        return self._queue.pop(id, None) is not None

    def next_batch(self, *, now_s: float) -> Decision:
        """Expired requests that stand before the next one to run, and that one."""
        expired: list[Waiting] = []
        for waiting in list(self._queue.values()):
            del self._queue[waiting.id]
            if waiting.deadline_s > now_s:
                return Decision(run=(waiting,), expired=tuple(expired))
            expired.append(waiting)
        return Decision(run=(), expired=tuple(expired))
