"""The engine once more, its threads divided among batches that run at once.

Threads that share a small image wait for each other most of the time: on two cores, two images of
270x480 at once, a thread each, take two thirds of the time of one after the other with both. An
image that is alone, or large, has all threads for itself.
"""

import logging
import threading
import time
from collections.abc import Callable

from models.bundle import BundleError
from models.runtime.protocol import Runtime
from models.runtime.select import EngineError

log = logging.getLogger("anyres.worker")

LARGEST_PX = 600_000
"""Of a batch that runs beside others. A larger one keeps all threads busy, and would leave its
memory with a second engine."""


class Division:
    """What is loaded for how many batches at once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runtimes: dict[int, Runtime | None] = {1: None}

    def prepare(self, level: int, load: Callable[[int], Runtime | None]) -> None:
        """See to it that what so many batches at once need is there. Takes seconds.

        Args:
            level: batches.
            load: an engine for so many; None where there is nothing to divide.
        """
        if self.is_prepared(level):
            return
        begun_s = time.monotonic()
        try:
            runtime = load(level)
        except (BundleError, EngineError, RuntimeError, OSError) as error:
            log.warning("the engine is not divided among %d batches: %s", level, error)
            runtime = None
        if runtime is not None:
            log.info(
                "the engine was loaded once more, for %d batches at once: %.1f s",
                level,
                time.monotonic() - begun_s,
            )
        with self._lock:
            self._runtimes.setdefault(level, runtime)

    def is_prepared(self, level: int) -> bool:
        """Whether all that is to be had for so many is there."""
        with self._lock:
            return level in self._runtimes

    def keep(self, level: int) -> None:
        """Let go of what is for more batches than that."""
        with self._lock:
            self._runtimes = {n: one for n, one in self._runtimes.items() if n <= level}

    def runtime_for(self, level: int) -> Runtime | None:
        """Where each of so many batches runs; None: where one that is alone does."""
        with self._lock:
            return self._runtimes.get(level)
