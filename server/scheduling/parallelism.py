"""How many batches run in the engine at once. Learned: begin with one, try one more, keep the best.

On a device that one batch does not fill, a second one helps. On a CPU it helps where batches are
too small for all threads and each has a share of them (server.scheduling.division); else it takes
from the first what it gains. A trial counts the work that is done per second while there is more to
do, first as it is, then with more batches (or fewer), and takes the larger number if that does a
tenth more. Work is counted in the seconds that the cost model expects.
"""

from dataclasses import dataclass

GAIN = 1.1  # times the work per second that more batches must do
LOSS = 1.03  # times that fewer may do less: a little is noise, and going back and forth costs more
CALLS = 12  # batches of each half of a trial, at least
HALF_S = 3.0  # that each takes, at least: in less, whatever else the machine does decides
LONGEST_HALF_S = 60.0  # after which the first calls of a half are of another load than the last
PAUSE_S = 60.0  # after a trial; doubled after each that did not end with more batches, up to
LONGEST_PAUSE_S = 1800.0


@dataclass
class _Half:
    """One half of a trial."""

    begun_s: float
    calls: int = 0
    work_s: float = 0.0
    busy_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.work_s / max(self.busy_s, 1e-9)


class Parallelism:
    """Pure: it is told what was done and says how many batches may run, 1 to `at_most`. Not
    thread-safe: its engine holds a lock around it."""

    def __init__(self, *, at_most: int, step: int = 1) -> None:
        """
        Args:
            at_most: batches.
            step: by which the number changes. `at_most - 1` knows one and all of them alone.
        """
        self.level = 1
        self.at_most = at_most
        self._step = step
        self._settled = 1
        self._before: _Half | None = None
        self._trial: _Half | None = None
        self._rests_until_s = float("-inf")
        self._pause_s = PAUSE_S
        self._last_s: float | None = None

    @property
    def most(self) -> int:
        """That may be wanted soon: a trial with fewer may end where it began."""
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
        half = self._trial or self._before
        if half is not None and now_s - half.begun_s > LONGEST_HALF_S:
            if self._trial is not None:
                self._rest(self._settled, now_s=now_s)
            half = self._before = None
        if self.at_most == 1 or last_s is None or now_s < self._rests_until_s:
            return
        if half is None:
            half = self._before = _Half(begun_s=now_s)
        half.calls += 1
        # The first call of a half began under the other number.
        if half.calls > 1:
            half.work_s += work_s
            half.busy_s += now_s - last_s
        if half.calls <= CALLS or half.busy_s < HALF_S:
            return
        if self._trial is None:
            self._trial = _Half(begun_s=now_s)
            up = self._settled + self._step
            self.level = up if up <= self.at_most else self._settled - self._step
        else:
            self._decide(half, now_s=now_s)

    def give_up(self, *, now_s: float) -> None:
        """More than one is no good now: back to one, for a while."""
        self._rest(1, now_s=now_s)

    def forget(self) -> None:
        """Begin with one again: what comes next may be another load."""
        self.level = self._settled = 1
        self._before = self._trial = self._last_s = None
        self._rests_until_s, self._pause_s = float("-inf"), PAUSE_S

    def _decide(self, trial: _Half, *, now_s: float) -> None:
        assert self._before is not None  # it comes before every trial
        more = self.level > self._settled
        gains = trial.rate / max(self._before.rate, 1e-9)
        # Fewer are better already if they do as much: they take less memory.
        if gains > (GAIN if more else 1 / LOSS):
            self._rest(self.level, now_s=now_s)
        else:
            self._rest(self._settled, now_s=now_s)

    def _rest(self, level: int, *, now_s: float) -> None:
        if level <= self._settled:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self.level = self._settled = level
        self._before = self._trial = None
        self._rests_until_s = now_s + self._pause_s
