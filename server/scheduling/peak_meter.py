"""How far one call takes the memory of the process. The kernel keeps one peak for all of it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from server.loading.memory import forget_peak, resident_bytes

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Resident size of the process."""

    before_bytes: int
    after_bytes: int
    """With what the call returned still there."""
    peak_bytes: int | None
    """None if another call ran meanwhile: it may be that one's."""


class PeakMeter:
    """Shared by all engines of a process: two calls at once would measure each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_begun = 0
        self._num_running = 0

    def measure(self, call: Callable[[], T], *, is_telling: bool) -> tuple[T, Growth | None]:
        """What `call` returns, and how the process grew; None where the system does not tell.

        Args:
            is_telling: whether to look at all.
        """
        with self._lock:
            self._num_begun += 1
            self._num_running += 1
            order = self._num_begun
            # Under the lock: a call that begins now must find the peak forgotten before it counts.
            is_alone = self._num_running == 1 and is_telling and forget_peak()
            before = resident_bytes() if is_telling else None
        try:
            answer = call()
        finally:
            with self._lock:
                self._num_running -= 1
        if before is None:
            return answer, None
        with self._lock:
            after = resident_bytes()
            is_alone = is_alone and order == self._num_begun
        if after is None:
            return answer, None
        return answer, Growth(
            before_bytes=before[0],
            after_bytes=after[0],
            peak_bytes=after[1] if is_alone else None,
        )
