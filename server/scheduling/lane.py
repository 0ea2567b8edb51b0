"""Who waits, most urgent first."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.scheduling.cost import Shape
from server.scheduling.job import Priority


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job in the queue."""

    id: int
    shape: Shape
    arrived_s: float
    deadline_s: float
    """Monotonic, like `arrived_s`. An answer after it is of no use."""
    priority: Priority = Priority.NORMAL
    alone: bool = False
    """In no batch with others: it is under suspicion of having brought one down."""

    @property
    def num_pixels(self) -> int:
        """Of its images."""
        return self.shape.size[0] * self.shape.size[1] * self.shape.num_frames

    @property
    def _urgency(self) -> tuple[float, float, int]:
        return self.deadline_s, self.arrived_s, self.id


class Lane:
    """Jobs of one priority in the order of their deadlines, then of their arrival.

    Nobody starves in it: a deadline comes closer, and those of later arrivals are later in turn.

    Args of the constructor:
        work_of: what a job asks of the engine, when it comes.
    """

    def __init__(self, work_of: Callable[[Shape], NDArray[np.int64]]) -> None:
        self.num_pixels = 0
        self._work_of = work_of
        self._order: list[tuple[float, float, int]] = []
        self._waiting: dict[int, Waiting] = {}
        self._works: dict[int, NDArray[np.int64]] = {}
        self._work = np.zeros((2, 3), dtype=np.int64)
        """Of all: who asks how much there is asks for every request."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, id_: int) -> bool:
        return id_ in self._waiting

    def __iter__(self) -> Iterator[Waiting]:
        return (self._waiting[id_] for _, _, id_ in self._order)

    @property
    def first(self) -> Waiting | None:
        """The most urgent."""
        return next(iter(self), None)

    def behind(self, waiting: Waiting) -> Iterator[Waiting]:
        """Those that are less urgent, in order."""
        begin = bisect_right(self._order, waiting._urgency)
        return (self._waiting[id_] for _, _, id_ in self._order[begin:])

    @property
    def oldest_arrival_s(self) -> float:
        """Of those that wait; infinite if nobody does."""
        return min((one.arrived_s for one in self._waiting.values()), default=float("inf"))

    def work_until(self, deadline_s: float) -> NDArray[np.int64]:
        """Of all that are as urgent as that, or more."""
        work = self._work.copy()
        for deadline, _, id_ in reversed(self._order):  # who comes has mostly the latest deadline
            if deadline <= deadline_s:
                break
            work -= self._works[id_]
        return work

    def add(self, waiting: Waiting) -> None:
        """Stand where the deadline says."""
        assert waiting.id not in self._waiting
        self._waiting[waiting.id] = waiting
        self.num_pixels += waiting.num_pixels
        self._works[waiting.id] = self._work_of(waiting.shape)
        self._work += self._works[waiting.id]
        insort(self._order, waiting._urgency)

    def remove(self, id_: int) -> Waiting | None:
        """Leave, from wherever; None if it is not there."""
        waiting = self._waiting.pop(id_, None)
        if waiting is None:
            return None
        self.num_pixels -= waiting.num_pixels
        self._work -= self._works.pop(id_)
        del self._order[bisect_left(self._order, waiting._urgency)]
        return waiting
