"""The first calls, which teach the cost model what pixels, images and calls cost."""

import time
from collections.abc import Callable

import numpy as np

from models.runtime.job import Job
from models.runtime.predictor import predict_batch
from models.task import Task
from server.scheduling.measured_runtime import MeasuredRuntime

# Images in a batch, and their side. Each runs twice, because a first call compiles. Together they
# tell the three terms apart; the early ones already tell what matters most.
CALLS = ((1, 64), (1, 256), (2, 64), (4, 64), (2, 256), (1, 512))
AT_LEAST = 3
"""Of these, however long they take: fewer cannot tell pixels from images from calls."""


def calibrate(
    runtime: MeasuredRuntime,
    *,
    has_flow: bool,
    stride: int,
    budget_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Run pairs of several sizes until the time is used up. Returns how many calls there were.

    A call that has begun runs to its end: the last one may take longer than is left. The first
    ones run in any case.
    """
    until_s = clock() + budget_s
    tasks = frozenset(Task) if has_flow else frozenset(Task) - {Task.FLOW}
    num_calls = 0
    for index, (num_images, side) in enumerate(CALLS):
        image = np.full((side, side, 3), 127, dtype=np.uint8)
        jobs = [Job(image=image, next_image=image if has_flow else None, tasks=tasks)] * num_images
        for _ in range(2):
            if index >= AT_LEAST and clock() >= until_s:
                break
            predict_batch(runtime, jobs, stride=stride)
            num_calls += 1
    if num_calls:
        runtime.cost.settle()
    return num_calls
