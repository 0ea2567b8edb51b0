"""One thread owns the engine; futures are the only way in and out."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.runtime.select import EngineError
from models.task import Task
from server.errors import DeadlinePassed, Draining, ServerError
from server.loading.loaded_model import LoadedModel
from server.scheduling.job import Job
from server.scheduling.worker import Worker
from tests.server.serving import Gate, gated_model, plain


@pytest.fixture
def worker(folder: Path, gate: Gate) -> Iterator[Worker]:
    loaded = threading.Event()
    worker = Worker(
        lambda: gated_model(folder, gate),
        on_loaded=lambda _: loaded.set(),
        on_failed=pytest.fail,
    )
    worker.start()
    assert loaded.wait(10)
    yield worker
    gate.open.set()
    worker.stop(timeout_s=10.0)


def job(height: int, width: int, colour: tuple[int, int, int]) -> Job:
    return Job(image=plain(height, width, colour), tasks=frozenset(Task))


def far_s() -> float:
    return time.monotonic() + 60


def test_answers_come_in_the_order_of_requests(worker: Worker, gate: Gate) -> None:
    futures = [worker.submit(job(n, n, (n, n, n)), deadline_s=far_s()) for n in (3, 5, 4)]
    gate.open.set()
    for n, future in zip((3, 5, 4), futures, strict=True):
        answer = future.result(10)
        np.testing.assert_allclose(answer.prediction.depth, n)  # type: ignore[arg-type]
        assert answer.infer_s > 0
    assert gate.sizes == [(3, 3), (5, 5), (4, 4)]


def test_a_cancelled_request_leaves_the_queue_at_once_and_never_runs(
    worker: Worker, gate: Gate
) -> None:
    first = worker.submit(job(3, 3, (0, 0, 0)), deadline_s=far_s())
    assert gate.entered.wait(10)
    second = worker.submit(job(5, 5, (0, 0, 0)), deadline_s=far_s())
    third = worker.submit(job(4, 4, (0, 0, 0)), deadline_s=far_s())
    assert (worker.num_waiting, worker.num_waiting_pixels) == (2, 41)
    assert second.cancel()
    assert (worker.num_waiting, worker.num_waiting_pixels) == (1, 16)
    gate.open.set()
    first.result(10)
    third.result(10)
    assert gate.sizes == [(3, 3), (4, 4)]


def test_a_request_that_waits_past_its_deadline_is_not_run(worker: Worker, gate: Gate) -> None:
    worker.submit(job(3, 3, (0, 0, 0)), deadline_s=far_s())
    assert gate.entered.wait(10)
    late = worker.submit(job(5, 5, (0, 0, 0)), deadline_s=time.monotonic())
    gate.open.set()
    with pytest.raises(DeadlinePassed, match="waited for the engine"):
        late.result(10)
    assert gate.sizes == [(3, 3)]


def test_one_bad_request_does_not_take_the_engine_with_it(worker: Worker, gate: Gate) -> None:
    gate.open.set()
    bad = worker.submit(job(13, 13, (0, 0, 0)), deadline_s=far_s())
    with pytest.raises(ServerError, match="the engine failed on this image") as failed:
        bad.result(10)
    assert "13" not in str(failed.value)  # what the engine says stays inside
    good = worker.submit(job(4, 4, (9, 9, 9)), deadline_s=far_s())
    assert good.result(10).prediction.labels is not None
    assert worker.is_alive


def test_stopping_finishes_what_runs_and_refuses_what_waits(worker: Worker, gate: Gate) -> None:
    running = worker.submit(job(3, 3, (0, 0, 0)), deadline_s=far_s())
    assert gate.entered.wait(10)
    waiting = worker.submit(job(4, 4, (0, 0, 0)), deadline_s=far_s())
    threading.Timer(0.05, gate.open.set).start()
    worker.stop(timeout_s=10.0)
    assert running.result(0).prediction.labels is not None
    for refused in (waiting, worker.submit(job(4, 4, (0, 0, 0)), deadline_s=far_s())):
        with pytest.raises(Draining):
            refused.result(0)
    assert not worker.is_alive


def test_a_model_that_does_not_load_is_reported() -> None:
    failures: list[str] = []

    def load() -> LoadedModel:
        raise EngineError("no engine here")

    worker = Worker(load, on_loaded=lambda _: None, on_failed=failures.append)
    worker.start()
    worker.stop(timeout_s=10.0)
    assert failures == ["no engine here"]
