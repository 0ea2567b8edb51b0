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
    """The shares of one engine, and which thread has which. Thread-safe; a thread may die
    anywhere."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: tuple[MeasuredRuntime, ...] | None = None
        self._held: dict[int, MeasuredRuntime] = {}
        """By the number of the thread: the only place where that is written."""
        self._loader: threading.Thread | None = None
        self._num_let_go = 0

    def prepare(self, load: Callable[[], Sequence[MeasuredRuntime]]) -> None:
        """See to it that shares are there. Takes seconds.

        Args:
            load: makes them; none where there is no use or no room for them.
        """
        with self._lock:
            is_loading = self._loader is not None and self._loader.is_alive()
            if self._shares is not None or is_loading:
                return
            self._loader = threading.current_thread()
            order = self._num_let_go
        begun_s = time.monotonic()
        shares: tuple[MeasuredRuntime, ...] = ()
        try:
            shares = tuple(load())
        except Exception:  # the whole engine still answers everybody
            log.exception("the engine could not be divided")
        with self._lock:
            self._loader = None
            if order == self._num_let_go:
                self._shares = shares
        if shares:
            took_s = time.monotonic() - begun_s
            log.info("the engine was divided among %d batches in %.1f s", len(shares), took_s)

    @property
    def is_prepared(self) -> bool:
        """Whether all that is to be had is there."""
        return self._shares is not None

    @property
    def has_free(self) -> bool:
        """Whether there is one that nobody has."""
        return len(self._held) < len(self._shares or ())

    @property
    def num_held(self) -> int:
        """Shares with a batch."""
        return len(self._held)

    def take(self, slot: int) -> MeasuredRuntime | None:
        """A share that nobody has, for a thread; None: there is none."""
        with self._lock:
            held = list(self._held.values())
            share = next((one for one in self._shares or () if one not in held), None)
            if share is not None:
                self._held[slot] = share
            return share

    def share_of(self, slot: int) -> MeasuredRuntime | None:
        """That the thread has."""
        return self._held.get(slot)

    def release(self, slot: int) -> None:
        """The thread needs its share no more. Again, or without one, does nothing."""
        with self._lock:
            self._held.pop(slot, None)

    def let_go(self) -> None:
        """Of all shares, once their batches have ended, and of those that are being loaded."""
        with self._lock:
            self._num_let_go += 1
            shares, self._shares = self._shares, None
        del shares  # an engine takes its time to end: not under the lock
