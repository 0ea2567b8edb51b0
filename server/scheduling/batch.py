"""A batch: who is in it, what there was room for, and what those are told who are in none."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from server.errors import Draining, ServerError
from server.scheduling.batcher import UNBOUNDED_PX
from server.scheduling.job import Answer, Job
from server.scheduling.lane import Waiting


@dataclass(eq=False, kw_only=True)
class Entry:
    """A job, and who waits for it."""

    waiting: Waiting
    job: Job
    future: "Future[Answer]"
    is_running: bool = False
    """It was with a thread: nobody can cancel it any more."""

    def begin(self) -> bool:
        """False if it was cancelled."""
        if not self.is_running:
            self.is_running = self.future.set_running_or_notify_cancel()
        return self.is_running

    def fail(self, error: ServerError) -> None:
        """Answer with an error, unless it was cancelled."""
        if self.begin():
            self.future.set_exception(error)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a thread has taken. Empty if nothing came for a while."""

    entries: tuple[Entry, ...] = ()
    together: bool = True
    room_px: int = UNBOUNDED_PX
    """Padded pixels that there was room for."""
    num_pixels: int = 0
    """Padded, of its largest array."""
    expected_s: float = 0.0
    taken_s: float = field(default_factory=time.monotonic)


@dataclass(eq=False, kw_only=True)
class Room:
    """What fits into the memory now, and what was made of it."""

    pixels: int = UNBOUNDED_PX
    """Padded, of one batch."""
    has_company: bool = False
    """Of the batch that was found for it: others run, or wait, and it is not suspected of having
    ended a thread."""
    is_idle: bool = True
    """No batch runs, of this engine or of another one."""
    taken_px: int | None = None
    """Of the batch that was found for it."""
    is_short: bool = False
    """Whoever is next needs more."""


def stopping() -> ServerError:
    """To those who come too late."""
    return Draining("the server is stopping: ask another one", retry_after_s=5)


def engine_failed() -> ServerError:
    """To the one whose image the engine cannot run."""
    return ServerError("the engine failed on this image; the log has the reason")
