"""How many batches run in the engine at once. Learned: begin with one, try one more, keep the best.

On a device that one batch does not fill, a second one helps. On a CPU it helps where batches are
too small for all threads and each has a share of them (server.scheduling.division); else it takes
from the first what it gains. A trial counts the work that is done per second while there is more to
do, first as it is, then with one batch more (or less), and takes the new number if it does a tenth
more. Work is counted in the seconds that the cost model expects.
"""

from dataclasses import dataclass

GAIN = 1.1  # times the work per second that one batch more must do
CALLS = 12  # batches of each half of a trial, at least
HALF_S = 3.0  # that each takes, at least: in less, whatever else the machine does decides
PAUSE_S = 60.0  # after a trial; doubled after each that changed nothing, up to
LONGEST_PAUSE_S = 7200.0


@dataclass
class _Half:
    """One half of a trial."""

    calls: int = 0
    work_s: float = 0.0
    busy_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.work_s / max(self.busy_s, 1e-9)


class Parallelism:
    """Pure: it is told what was done and says how many batches may run, 1 to `at_most`. Not
    thread-safe: its engine holds a lock around it."""

    def __init__(self, *, at_most: int) -> None:
        self.level = 1
        self._at_most = at_most
        self._settled = 1
        self._before = _Half()
        self._trial: _Half | None = None
        self._rests_until_s = float("-inf")
        self._pause_s = PAUSE_S
        self._last_s: float | None = None

    @property
    def most(self) -> int:
        """That may be wanted soon: a trial with one less may end where it began."""
        return max(self.level, self._settled)

    def done(self, *, work_s: float, now_s: float, backlog: bool) -> None:
        """A batch has ended.

        Args:
            work_s: that the cost model expected of it.
            now_s: monotonic.
            backlog: whether another one waited all the while. Without, an idle engine would
                look like a slow one.
        """
        last_s, self._last_s = self._last_s, now_s if backlog else None
        if self._at_most == 1 or last_s is None:
            return
        if now_s < self._rests_until_s:
            return
        half = self._before if self._trial is None else self._trial
        half.calls += 1
        # The first call of a half began under the other number.
        if half.calls > 1:
            half.work_s += work_s
            half.busy_s += now_s - last_s
        if half.calls <= CALLS or half.busy_s < HALF_S:
            return
        if self._trial is None:
            self._trial = _Half()
            self.level = self._settled + 1 if self._settled < self._at_most else self._settled - 1
        else:
            self._decide(self._trial, now_s=now_s)

    def _decide(self, trial: _Half, *, now_s: float) -> None:
        more = self.level > self._settled
        gains = trial.rate / max(self._before.rate, 1e-9)
        # One batch less is better already if it does as much: it takes less memory.
        if gains > (GAIN if more else 1 / GAIN):
            self._settled = self.level
            self._pause_s = PAUSE_S
        else:
            self.level = self._settled
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._rests_until_s = now_s + self._pause_s
        self._before, self._trial = _Half(), None
