"""A run that is asked to stop finishes its step and writes a checkpoint first."""

import os
import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A run that ended early, in order; the message says how to go on."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number  # what a shell reports of a process that was ended


class StopSignals:
    """Notes Ctrl-C and SIGTERM instead of ending the process. The second one ends it."""

    def __init__(self) -> None:
        self.received = 0
        """Number of the signal, 0 while there is none."""
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():  # Python allows it nowhere else
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)


def leave_to_parent() -> None:
    """In a worker process: what is sent to the run and all that it started, its parent decides.

    Ctrl-C, `timeout`, torchrun and job systems signal the whole group of processes: a worker leaves
    it, or the step that its parent wants to finish would lack data. SIGTERM is the parent's own.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
