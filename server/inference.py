"""What every prediction goes through, by whichever protocol it came: let in by its headers, run by
the engine, noted in its record.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from server.access.callers import Caller
from server.roster.served_model import ServedModel
from server.scheduling.admission import Hold
from server.scheduling.awaiting import wait_for_all
from server.scheduling.cost import Shape
from server.scheduling.job import Answer, Job, Priority
from server.service import Service
from server.watching.request_record import Run, current_record


@contextmanager
def let_in(
    shapes: Sequence[Shape],
    *,
    num_pixels: int,
    service: Service,
    model: ServedModel,
    caller: Caller,
    deadline_s: float,
    priority: Priority,
) -> Iterator[Hold]:
    """Room for the images of a request, before the work of decoding them.

    Args:
        shapes: of its jobs, by the headers of their images.
        num_pixels: of all its images.
        service, model: that it is for.
        caller: whose pixels they are.
        deadline_s: `time.monotonic` time.
        priority: its lane.

    Raises:
        QueueFull: there is no room, or it would not be answered by its deadline.
        TooManyPixels: the memory cannot hold one of its images.
        RateLimited: the caller has had its share.
    """
    current_record().pixels = num_pixels
    with service.admission.pixels(num_pixels, retry_after_s=service.retry_after_s) as hold:
        model.worker.check(*shapes, deadline_s=deadline_s, priority=priority)
        caller.take_pixels(num_pixels, now_s=time.monotonic())
        service.telemetry.caller_pixels.labels(caller.name).inc(num_pixels)
        yield hold


async def run_jobs(
    jobs: Sequence[Job], *, model: ServedModel, deadline_s: float, priority: Priority, hold: Hold
) -> list[Answer]:
    """The one place where work goes to the engine. Jobs share batches with whatever waits there.

    Raises:
        TooManyPixels, QueueFull, DeadlinePassed, Draining, ServerError
    """
    futures = model.worker.submit_all(jobs, deadline_s=deadline_s, priority=priority)
    answers = await wait_for_all(futures, hold)
    queue_s = min(answer.queue_s for answer in answers)
    infer_s = max(answer.queue_s + answer.infer_s for answer in answers) - queue_s
    record = current_record()
    record.add("queue", queue_s, ended_s=time.monotonic() - infer_s)
    record.add("infer", infer_s)
    record.runs += [Run(num_jobs=one.batch_size, seconds=one.infer_s) for one in answers]
    return answers
