"""Engines with a share of the threads each, for batches that run at once.

Threads that share a small image wait for each other: on two cores, two images of 270x480 at once, a
thread each, take three quarters of the time of one after the other with both, of 64x64 half. An
image that is alone, or large, has the whole engine.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from server.scheduling.measured_runtime import MeasuredRuntime

log = logging.getLogger("anyres.worker")

LARGEST_PX = 1_200_000
"""Of a batch that runs in a share. A larger one keeps all threads busy: at 1080x1920 two at once
answer a twelfth more than one after the other, each in nearly twice the time."""


class Division:
    """Shares by how many batches run at once: as many for each. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: dict[int, tuple[MeasuredRuntime, ...]] = {1: ()}
        self._taken: list[MeasuredRuntime] = []
        self._loading: set[int] = set()
        self._is_broken = False

    def prepare(self, level: int, load: Callable[[], Sequence[MeasuredRuntime]]) -> None:
        """See to it that what so many batches at once need is there. Takes seconds.

        Args:
            level: batches.
            load: makes their shares; none where there is no use or no room for them.
        """
        with self._lock:
            if level in self._shares or level in self._loading:
                return
            self._loading.add(level)
        begun_s = time.monotonic()
        shares: tuple[MeasuredRuntime, ...] = ()
        try:
            shares = () if self._is_broken else tuple(load())
        except Exception:  # the whole engine still answers everybody
            log.exception("the engine could not be divided among %d batches", level)
        finally:
            with self._lock:
                self._loading.discard(level)
                self._shares[level] = shares
        if shares:
            took_s = time.monotonic() - begun_s
            log.info("the engine was divided among %d batches at once in %.1f s", level, took_s)

    def is_prepared(self, level: int) -> bool:
        """Whether all that is to be had for so many is there."""
        with self._lock:
            return level in self._shares

    def has_shares(self, level: int) -> bool:
        """Whether batches may run in shares while so many run at once."""
        with self._lock:
            return bool(self._best(level))

    def take(self, level: int) -> MeasuredRuntime | None:
        """A share that nobody has; None: the whole engine will do."""
        with self._lock:
            free = (one for one in self._best(level) if one not in self._taken)
            share = next(free, None)
            if share is not None:
                self._taken.append(share)
            return share

    def give_back(self, share: MeasuredRuntime) -> None:
        """What `take` gave."""
        with self._lock:
            self._taken.remove(share)

    def keep(self, *levels: int) -> None:
        """Let go of the shares for other numbers of batches."""
        with self._lock:
            self._shares = {n: x for n, x in self._shares.items() if n in (1, *levels)}

    def fail(self) -> None:
        """Let go of all shares for good: they fail where the whole engine does not."""
        with self._lock:
            self._is_broken = True
            self._shares = dict.fromkeys(self._shares, ())
        log.error("a share of the engine fails where the whole does not: it is divided no more")

    def _best(self, level: int) -> tuple[MeasuredRuntime, ...]:
        """For so many, or the next smaller number that has any."""
        return next((self._shares[n] for n in range(level, 1, -1) if self._shares.get(n)), ())
