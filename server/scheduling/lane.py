"""Who waits, most urgent first."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass

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
    """

    def __init__(self) -> None:
        self.num_pixels = 0
        self._order: list[tuple[float, float, int]] = []
        self._waiting: dict[int, Waiting] = {}

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

    def add(self, waiting: Waiting) -> None:
        """Stand where the deadline says."""
        assert waiting.id not in self._waiting
        self._waiting[waiting.id] = waiting
        self.num_pixels += waiting.num_pixels
        insort(self._order, waiting._urgency)

    def remove(self, id_: int) -> Waiting | None:
        """Leave, from wherever; None if it is not there."""
        waiting = self._waiting.pop(id_, None)
        if waiting is None:
            return None
        self.num_pixels -= waiting.num_pixels
        del self._order[bisect_left(self._order, waiting._urgency)]
        return waiting
