"""The highest rate at which a promise is kept. Pure search: no clock, no requests.

The rate doubles until the promise breaks, then the gap is halved. Doubling first, since nobody
knows the capacity; geometric halving, since a rate's error is a ratio.
"""

import math


class GoodputSearch:
    """Ask `next_rate`, try it, `tell` whether the promise was kept; until it is None."""

    def __init__(self, *, first_rate: float, max_rate: float, steps: int) -> None:
        self.best = 0.0
        """Highest rate that was good; 0 if none was."""
        self._broken = math.inf
        self._first = min(first_rate, max_rate)
        self._max = max_rate
        self._left = steps

    def next_rate(self) -> float | None:
        """Requests per second to try, None at the end."""
        if self._left == 0 or self.best >= self._max:
            return None
        if self.best == 0.0:
            return self._first if math.isinf(self._broken) else self._broken / 2
        if math.isinf(self._broken):
            return min(self.best * 2, self._max)
        return math.sqrt(self.best * self._broken)

    def tell(self, rate: float, *, is_good: bool) -> None:
        """What came of a rate. A good rate above a broken one is luck and does not count."""
        self._left -= 1
        if not is_good:
            self._broken = min(self._broken, rate)
        elif rate < self._broken:
            self.best = max(self.best, rate)
