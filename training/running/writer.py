"""Files written beside the run, which goes on meanwhile."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType


class Writer:
    """One thread that does one job at a time. What goes wrong in it is raised in the run."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._job: Future[None] | None = None

    def start(self, job: Callable[[], None]) -> None:
        """Do it soon; waits for the job before."""
        self.wait()
        self._job = self._executor.submit(job)

    def check(self) -> None:
        """Raise what the last job raised, if it has ended."""
        if self._job is not None and self._job.done():
            self.wait()

    def wait(self) -> None:
        """Until the last job has ended; raise what it raised."""
        job, self._job = self._job, None
        if job is not None:
            job.result()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        if error is None:
            self.wait()
