"""A batch through the engine. If it fails, its halves run by themselves: only the culprit fails."""

import logging
from collections.abc import Callable, Iterator, Sequence

from models.runtime.job import Job
from models.runtime.predictor import Outcome

log = logging.getLogger("anyres.worker")

Run = Callable[[Sequence[Job]], list[Outcome]]


def run_batch(run: Run, jobs: Sequence[Job]) -> Iterator[tuple[int, Outcome | Exception]]:
    """The place of each job in the batch and what became of it, as soon as it is known."""
    return _run_part(run, jobs, range(len(jobs)))


def _run_part(
    run: Run, jobs: Sequence[Job], places: Sequence[int]
) -> Iterator[tuple[int, Outcome | Exception]]:
    try:
        outcomes = run([jobs[place] for place in places])
    except Exception as error:  # one bad request must not take the engine with it
        log.exception("the engine failed on %s", ", ".join(_size(jobs[place]) for place in places))
        # Its frames hold every array of the batch.
        error.__traceback__ = None
        failure = error
    else:
        yield from zip(places, outcomes, strict=True)
        return
    if len(places) == 1:
        yield places[0], failure
        return
    middle = len(places) // 2
    yield from _run_part(run, jobs, places[:middle])
    yield from _run_part(run, jobs, places[middle:])


def _size(job: Job) -> str:
    return f"{job.size[0]}x{job.size[1]}"
