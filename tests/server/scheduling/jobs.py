"""Jobs for the toy, and what it answers."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from models.task import Task
from server.scheduling.batcher import BatchPolicy
from server.scheduling.job import Answer, Job
from server.scheduling.worker import Worker, WorkerPolicy
from tests.server.serving import plain

ALL = frozenset(Task)
ONE_BY_ONE = WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_jobs=1))
TOGETHER = WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_wait_s=0.0))

Start = Callable[..., Worker]


def job(height: int, width: int, colour: tuple[int, int, int]) -> Job:
    return Job(image=plain(height, width, colour), tasks=ALL)


def hold(held: threading.Event, go_on: threading.Event) -> Callable[[], object]:
    """For a call of the engine: say that it is there, and wait."""

    def wait() -> bool:
        held.set()
        return go_on.wait(10)

    return wait


def far_s() -> float:
    return time.monotonic() + 60


def submit(worker: Worker, side: int, level: int = 0) -> "Future[Answer]":
    return worker.submit(job(side, side, (level, level, level)), deadline_s=far_s())


def assert_is_of(answer: Answer, side: int, level: int) -> None:
    """The toy's answer for a square of one grey."""
    assert answer.prediction.depth is not None
    assert answer.prediction.labels is not None
    assert answer.prediction.depth.shape == answer.prediction.labels.shape == (side, side)
    np.testing.assert_allclose(answer.prediction.depth, level)
    np.testing.assert_array_equal(answer.prediction.labels, min(level // 24, 10))
