"""Threads that die, are too many, or too few: nobody waits for ever."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.errors import (
    ServerError,
)
from server.scheduling import engine_threads
from server.scheduling.batcher import BatchPolicy
from server.scheduling.worker import WorkerPolicy
from tests.server.scheduling.engines import (
    FAILS,
    KILLS,
    Counting,
    fussy_model,
    throw_into,
)
from tests.server.scheduling.jobs import (
    ONE_BY_ONE,
    TOGETHER,
    Start,
    assert_is_of,
    hold,
    submit,
)
from tests.server.scheduling.simulation import DEVICE
from tests.server.serving import Gate, gated_model, wait_until


def test_a_request_that_kills_the_thread_fails_alone_and_the_thread_comes_back(
    start: Start, folder: Path, watch: Counting
) -> None:
    model, engine = fussy_model(folder)
    worker = start(model, TOGETHER, DEVICE)
    held, go_on = threading.Event(), threading.Event()
    engine.before = hold(held, go_on)
    first = submit(worker, 3)
    assert held.wait(10)
    levels = [20, KILLS, 30, 40]
    futures = [submit(worker, 4 + n, level) for n, level in enumerate(levels)]
    go_on.set()
    first.result(10)
    for n, (level, future) in enumerate(zip(levels, futures, strict=True)):
        if level == KILLS:
            with pytest.raises(ServerError, match="the engine failed on this image"):
                future.result(20)
        else:
            answer = future.result(20)
            assert_is_of(answer, 4 + n, level)
            assert answer.batch_size == 1
    wait_until(lambda: worker.is_ready)
    assert watch.num_restarts == 2  # with the batch, and alone
    assert_is_of(submit(worker, 9, 90).result(10), 9, 90)


@pytest.mark.parametrize("exception", [SystemExit, KeyboardInterrupt, MemoryError])
def test_an_exception_thrown_into_an_idle_thread_is_survived(
    start: Start, folder: Path, watch: Counting, exception: type[BaseException]
) -> None:
    model, _ = fussy_model(folder)
    worker = start(model)
    submit(worker, 3).result(10)
    throw_into(worker, exception)
    assert watch.restart.wait(10)
    wait_until(lambda: worker.is_ready)
    assert_is_of(submit(worker, 4, 50).result(10), 4, 50)


def test_when_the_thread_dies_what_ran_is_500_and_what_waits_is_answered(
    start: Start, folder: Path, gate: Gate, watch: Counting
) -> None:
    worker = start(gated_model(folder, gate))
    running = submit(worker, 3)
    assert gate.entered.wait(10)
    waiting = submit(worker, 4, 50)
    throw_into(worker, SystemExit)
    gate.open.set()
    with pytest.raises(ServerError):
        running.result(20)
    assert_is_of(waiting.result(20), 4, 50)
    assert watch.num_restarts == 1


def test_two_batches_run_at_once_where_that_was_found_to_pay(start: Start, folder: Path) -> None:
    model, engine = fussy_model(folder)
    worker = start(
        model, WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_jobs=1), max_parallel=2)
    )
    submit(worker, 3).result(10)
    worker.engine.parallelism.level = 2
    both = threading.Barrier(2, timeout=10)  # broken, and so 500, if they come one by one
    wait_until(lambda: worker.num_threads == 2)
    engine.before = both.wait
    for future in (submit(worker, 4, 40), submit(worker, 5, 50)):
        assert future.result(20).batch_size == 1


def test_there_are_as_many_threads_as_are_wanted(start: Start, folder: Path) -> None:
    model, _ = fussy_model(folder)
    worker = start(model, WorkerPolicy(batch=ONE_BY_ONE.batch, max_parallel=2))
    for level in (2, 1, 2):
        worker.engine.parallelism.level = level
        wait_until(lambda level=level: worker.num_threads == level)  # type: ignore[misc]
    assert_is_of(submit(worker, 4, 40).result(10), 4, 40)


def test_nothing_is_lost_when_many_ask_leave_and_kill_at_once(
    start: Start, folder: Path, watch: Counting
) -> None:
    model, _ = fussy_model(folder)
    worker = start(model, TOGETHER, DEVICE)

    def client(seed: int) -> dict[str, int]:
        chance = random.Random(seed)
        counts = {"right": 0, "failed": 0, "left": 0}
        for _ in range(12):
            side, level = chance.randint(1, 40), chance.randint(0, 255)
            future = submit(worker, side, level)
            if chance.random() < 0.3 and future.cancel():
                counts["left"] += 1
                continue
            try:
                assert_is_of(future.result(60), side, level)
                assert level not in (FAILS, KILLS)
                counts["right"] += 1
            except ServerError:
                assert level in (FAILS, KILLS)
                counts["failed"] += 1
        return counts

    # Some of them are sure to bring trouble.
    poison = [submit(worker, 5, level) for level in (KILLS, FAILS, KILLS)]
    with ThreadPoolExecutor(6) as pool:
        totals = list(pool.map(client, range(6)))
    for future in poison:
        with pytest.raises(ServerError):
            future.result(30)
    assert sum(sum(counts.values()) for counts in totals) == 72
    assert sum(counts["right"] for counts in totals) > 20
    wait_until(lambda: worker.num_waiting == 0 and worker.is_ready)
    assert watch.num_restarts >= 1


def test_a_thread_that_dies_while_the_worker_stops_leaves_nobody_waiting(
    start: Start, folder: Path, gate: Gate
) -> None:
    worker = start(gated_model(folder, gate))
    running = submit(worker, 3)
    assert gate.entered.wait(10)
    throw_into(worker, SystemExit)
    stopping = threading.Thread(target=worker.stop, kwargs={"timeout_s": 10.0})
    stopping.start()
    wait_until(lambda: worker._threads._closing)
    gate.open.set()
    with pytest.raises(ServerError):
        running.result(20)
    stopping.join(10)
    assert not worker.is_alive


def test_a_thread_that_is_new_begins_at_once_and_one_that_replaces_another_looks_first(
    start: Start, folder: Path
) -> None:
    model, engine = fussy_model(folder)
    worker = start(model, WorkerPolicy(batch=ONE_BY_ONE.batch, max_parallel=2))
    worker.engine.parallelism.level = 2
    wait_until(lambda: worker.num_threads == 2)
    assert engine.batches == []
    throw_into(worker, SystemExit)
    wait_until(lambda: engine.batches == [1])  # an image of our own
    assert worker.trouble is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_without_a_word_is_missed_too(
    start: Start, folder: Path, watch: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = fussy_model(folder)
    worker = start(model)

    def last_straw(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(engine_threads.log, "critical", last_straw)
    throw_into(worker, SystemExit)
    assert watch.restart.wait(10)
    assert_is_of(submit(worker, 4, 50).result(10), 4, 50)


def test_how_many_batches_are_best_is_not_learned_while_a_thread_is_missing(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, engine = fussy_model(folder)
    worker = start(model, WorkerPolicy(batch=ONE_BY_ONE.batch, max_parallel=2))
    parallelism, told = worker.engine.parallelism, []
    monkeypatch.setattr(parallelism, "done", lambda *, backlog, **_: told.append(backlog))
    held, go_on = threading.Event(), threading.Event()
    engine.before = hold(held, go_on)
    first = submit(worker, 3)
    assert held.wait(10)
    second = submit(worker, 3)
    worker._threads._num_wanted = lambda: 1  # the other one is late
    parallelism.level = 2
    third = submit(worker, 3)
    go_on.set()
    for future in (first, second, third):
        future.result(10)
    wait_until(lambda: len(told) == 3)
    assert told == [False, False, False]
