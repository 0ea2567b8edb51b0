"""Whether the engine itself is broken, or only met an image that it cannot run.

A failure alone says nothing: anyone can send the image that an engine chokes on, and send it again.
So after each failure an image of our own runs. If that fails too, several times in a row with no
success in between, waiting cannot help and /livez says so.
"""

import threading

IN_A_ROW = 3


class DeviceHealth:
    """Pure counting. Thread-safe: an engine has several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_probes = 0
        self.reason: str | None = None
        """Of the last probe that failed, until something succeeds."""

    @property
    def is_broken(self) -> bool:
        """Whether only a new process can help."""
        return self._failed_probes >= IN_A_ROW

    def succeeded(self) -> None:
        """The engine answered: a client or a probe."""
        with self._lock:
            self._failed_probes = 0
            self.reason = None

    def probe_failed(self, reason: str) -> None:
        """Our own image failed, right after a failure."""
        with self._lock:
            self._failed_probes += 1
            self.reason = reason
