"""Jobs in, futures out, whatever happens in between. Real threads; nothing is timed."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.runtime.select import EngineError
from models.task import Task
from server.errors import (
    DeadlinePassed,
    Draining,
    QueueFull,
    ServerError,
    TooManyPixels,
    Unusable,
)
from server.loading.loaded_model import LoadedModel
from server.scheduling import engine as engine_module
from server.scheduling.batcher import BatchPolicy
from server.scheduling.cost import GraphCost, Shape
from server.scheduling.job import Answer, Job, Priority
from server.scheduling.worker import Worker, WorkerPolicy
from tests.server.scheduling.engines import (
    FAILS,
    KILLS,
    Counting,
    fussy_model,
    throw_into,
)
from tests.server.scheduling.simulation import DEVICE, Fixed
from tests.server.serving import Gate, gated_model, plain, wait_until

ALL = frozenset(Task)
ONE_BY_ONE = WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_jobs=1))
TOGETHER = WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_wait_s=0.0))

Start = Callable[..., Worker]


@pytest.fixture
def watch() -> Counting:
    return Counting()


@pytest.fixture
def start(watch: Counting, gate: Gate) -> Iterator[Start]:
    """Start a worker with a model; all of them end with the test."""
    workers: list[Worker] = []

    def start(
        model: LoadedModel, policy: WorkerPolicy = ONE_BY_ONE, cost: GraphCost | None = None
    ) -> Worker:
        worker = Worker(
            lambda: model,
            on_loaded=lambda _: None,
            on_failed=pytest.fail,
            policy=policy,
            watch=watch,
        )
        workers.append(worker)
        if cost is not None:
            worker.engine.cost.graphs = {"frame": Fixed(cost), "flow": Fixed(cost)}
        worker.start()
        wait_until(lambda: worker.is_ready)
        return worker

    yield start
    gate.open.set()
    for worker in workers:
        worker.stop(timeout_s=10.0)
        assert not worker.is_alive


@pytest.fixture
def gated(start: Start, folder: Path, gate: Gate) -> Worker:
    return start(gated_model(folder, gate))


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


def test_without_batches_answers_come_in_the_order_of_requests(gated: Worker, gate: Gate) -> None:
    futures = [submit(gated, n, n) for n in (3, 5, 4)]
    gate.open.set()
    for n, future in zip((3, 5, 4), futures, strict=True):
        answer = future.result(10)
        assert_is_of(answer, n, n)
        assert (answer.batch_size, answer.features) == (1, None)
        assert answer.infer_s > 0
    assert gate.sizes == [(3, 3), (5, 5), (4, 4)]


def test_images_of_all_sizes_share_a_batch_and_each_gets_its_own_answer(
    start: Start, folder: Path, gate: Gate, watch: Counting
) -> None:
    worker = start(gated_model(folder, gate), TOGETHER, DEVICE)
    first = submit(worker, 3)
    assert gate.entered.wait(10)
    sizes = {5: 50, 40: 90, 17: 130, 1: 200}
    futures = {side: submit(worker, side, level) for side, level in sizes.items()}
    gate.open.set()
    first.result(10)
    for side, future in futures.items():
        answer = future.result(10)
        assert answer.batch_size == 4
        assert_is_of(answer, side, sizes[side])
    assert gate.sizes == [(3, 3), (48, 48)]  # 40 rounded up to the stride
    wait_until(lambda: len(watch.batches) == 2)
    both = watch.batches[1]
    assert (both.num_jobs, both.num_frames) == (4, 4)
    assert (both.image_pixels, both.padded_pixels) == (25 + 1600 + 289 + 1, 4 * 48 * 48)


def test_an_image_a_pair_and_a_frame_of_a_stream_share_a_batch(
    start: Start, folder: Path, gate: Gate
) -> None:
    worker = start(gated_model(folder, gate), TOGETHER, DEVICE)
    kept = Job(image=plain(20, 37, (10, 20, 30)), tasks=ALL, keep_features=True)
    begun = worker.submit(kept, deadline_s=far_s())
    gate.open.set()
    features = begun.result(10).features
    assert features is not None
    assert {name: x.shape for name, x in features.levels.items()} == {
        "4": (1, 3, 8, 12),
        "8": (1, 3, 4, 6),
        "16": (1, 3, 2, 3),
    }
    gate.open.clear()
    gate.entered.clear()
    blocker = submit(worker, 2)
    assert gate.entered.wait(10)
    image = worker.submit(
        Job(image=plain(50, 5, (9, 9, 9)), tasks=frozenset({Task.DEPTH})), deadline_s=far_s()
    )
    pair = worker.submit(
        Job(image=plain(7, 8, (10, 10, 10)), next_image=plain(7, 8, (13, 8, 11)), tasks=ALL),
        deadline_s=far_s(),
    )
    stream = worker.submit(
        Job(image=plain(20, 37, (12, 17, 34)), previous=features, tasks=ALL, keep_features=True),
        deadline_s=far_s(),
    )
    gate.open.set()
    blocker.result(10)
    assert [future.result(10).batch_size for future in (image, pair, stream)] == [3, 3, 3]
    alone = image.result().prediction
    assert (alone.labels, alone.label_confidence, alone.flow) == (None, None, None)
    assert alone.depth is not None
    assert alone.depth.shape == (50, 5)
    for future, size, u, v in ((pair, (7, 8), 3, -2), (stream, (20, 37), 2, -3)):
        flow = future.result().prediction.flow
        assert flow is not None
        assert flow.shape == (*size, 2)
        np.testing.assert_allclose(flow[..., 0], u, atol=1e-3)
        np.testing.assert_allclose(flow[..., 1], v, atol=1e-3)
    assert pair.result().features is None
    newest = stream.result().features
    assert newest is not None
    assert newest.levels["4"].shape == (1, 3, 8, 12)
    assert newest.levels["4"].base is None  # it does not keep the batch in memory


def test_a_frame_of_another_size_than_the_one_before_it_is_422(start: Start, folder: Path) -> None:
    model, _ = fussy_model(folder)
    worker = start(model)
    kept = Job(image=plain(16, 16, (1, 2, 3)), tasks=ALL, keep_features=True)
    features = worker.submit(kept, deadline_s=far_s()).result(10).features
    other = Job(image=plain(17, 16, (1, 2, 3)), previous=features, tasks=ALL)
    with pytest.raises(Unusable, match="17x16"):
        worker.submit(other, deadline_s=far_s()).result(10)


def test_a_cancelled_request_leaves_the_queue_at_once_and_never_runs(
    gated: Worker, gate: Gate, watch: Counting
) -> None:
    first = submit(gated, 3)
    assert gate.entered.wait(10)
    second, third = submit(gated, 5), submit(gated, 4)
    assert (gated.num_waiting, gated.num_waiting_pixels) == (2, 41)
    assert second.cancel()
    assert (gated.num_waiting, gated.num_waiting_pixels) == (1, 16)
    assert watch.drops == ["cancelled"]
    gate.open.set()
    first.result(10)
    third.result(10)
    assert gate.sizes == [(3, 3), (4, 4)]


def test_a_request_that_waits_past_its_deadline_is_not_run(
    gated: Worker, gate: Gate, watch: Counting
) -> None:
    submit(gated, 3)
    assert gate.entered.wait(10)
    late = gated.submit(job(5, 5, (0, 0, 0)), deadline_s=time.monotonic())
    gate.open.set()
    with pytest.raises(DeadlinePassed, match="waited for the engine"):
        late.result(10)
    assert gate.sizes == [(3, 3)]
    assert watch.drops == ["expired"]


def test_interactive_work_overtakes_batch_work(gated: Worker, gate: Gate) -> None:
    first = submit(gated, 3)
    assert gate.entered.wait(10)
    patient = gated.submit(job(5, 5, (0, 0, 0)), deadline_s=far_s(), priority=Priority.BATCH)
    urgent = gated.submit(job(4, 4, (0, 0, 0)), deadline_s=far_s() + 99)
    gate.open.set()
    for future in (first, patient, urgent):
        future.result(10)
    assert gate.sizes == [(3, 3), (4, 4), (5, 5)]


def test_who_would_be_late_is_told_at_once_and_not_queued(
    start: Start, folder: Path, gate: Gate
) -> None:
    slow = GraphCost(s_per_mpx=0.0, s_per_image=40.0, s_per_call=0.0)
    gated = start(gated_model(folder, gate), ONE_BY_ONE, slow)
    running = submit(gated, 3)
    assert gate.entered.wait(10)
    refused = gated.submit(job(4, 4, (0, 0, 0)), deadline_s=time.monotonic() + 60)
    with pytest.raises(QueueFull, match="of work before this request, which takes 40.0 s") as error:
        refused.result(0)
    assert 15 <= error.value.retry_after_s <= 21  # 2 x 40 s, of which 60 are there
    with pytest.raises(QueueFull):
        gated.check(Shape(size=(4, 4)), deadline_s=time.monotonic() + 60)
    gated.check(Shape(size=(4, 4)), deadline_s=time.monotonic() + 90)
    assert gated.num_waiting == 0
    assert 30 < gated.expected_wait_s <= 41
    gate.open.set()
    assert running.result(10).batch_size == 1


def test_the_jobs_of_one_request_are_seen_together(start: Start, folder: Path, gate: Gate) -> None:
    worker = start(gated_model(folder, gate), TOGETHER, DEVICE)
    gate.open.set()
    jobs = [job(side, side, (side, side, side)) for side in (3, 5, 4)]
    futures = worker.submit_all(jobs, deadline_s=far_s())  # the engine is idle, and yet waits
    for side, future in zip((3, 5, 4), futures, strict=True):
        answer = future.result(10)
        assert answer.batch_size == 3
        assert_is_of(answer, side, side)


def test_a_request_of_many_jobs_is_in_time_with_its_last_or_not_at_all(
    start: Start, folder: Path, gate: Gate
) -> None:
    slow = GraphCost(s_per_mpx=0.0, s_per_image=10.0, s_per_call=0.0)
    gated = start(gated_model(folder, gate), ONE_BY_ONE, slow)
    jobs = [job(4, 4, (0, 0, 0)) for _ in range(3)]
    in_15_s = time.monotonic() + 15
    idle = gated.submit_all(jobs, deadline_s=in_15_s)  # an idle engine finds out
    assert gate.entered.wait(10)
    for future in idle[1:]:
        assert future.cancel()
    shapes = [Shape(size=(4, 4))] * 3
    in_35_s = time.monotonic() + 35
    gated.check(shapes[0], deadline_s=in_35_s)
    gated.check(*shapes, deadline_s=in_35_s + 10)
    with pytest.raises(QueueFull, match="which takes 30.0 s itself"):
        gated.check(*shapes, deadline_s=in_35_s)
    for future in gated.submit_all(jobs, deadline_s=in_35_s):
        with pytest.raises(QueueFull):
            future.result(0)
    assert gated.num_waiting == 0
    gate.open.set()
    idle[0].result(10)


def test_what_the_memory_cannot_hold_is_413_before_it_waits(
    gated: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "free_bytes", lambda: 1300 * 1000 / 0.8)
    assert gated.max_pixels == 1000
    with pytest.raises(TooManyPixels, match="only 0.0 Mpx fit into the memory that is free"):
        submit(gated, 32).result(0)
    with pytest.raises(TooManyPixels):
        gated.check(Shape(size=(32, 32)), deadline_s=far_s())


def test_memory_that_went_while_it_waited_is_413_too(
    gated: Worker, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit(gated, 3)
    assert gate.entered.wait(10)
    second = submit(gated, 32)
    monkeypatch.setattr(engine_module, "free_bytes", lambda: 1300 * 1000 / 0.8)
    gate.open.set()
    first.result(10)
    with pytest.raises(TooManyPixels):
        second.result(10)
    assert gate.sizes == [(3, 3)]


def test_in_a_batch_only_the_culprit_fails(start: Start, folder: Path) -> None:
    model, engine = fussy_model(folder)
    worker = start(model, TOGETHER, DEVICE)
    held, go_on = threading.Event(), threading.Event()
    engine.before = hold(held, go_on)
    first = submit(worker, 3)
    assert held.wait(10)
    levels = [20, FAILS, 30, 40, 50]
    futures = [submit(worker, 4 + n, level) for n, level in enumerate(levels)]
    go_on.set()
    first.result(10)
    for n, (level, future) in enumerate(zip(levels, futures, strict=True)):
        if level == FAILS:
            with pytest.raises(ServerError, match="the engine failed on this image") as failed:
                future.result(10)
            assert "device" not in str(failed.value)  # what the engine says stays inside
        else:
            assert_is_of(future.result(10), 4 + n, level)
    # A probe of 64x64 said that the engine itself is well.
    assert worker.is_live
    assert worker.trouble is None
    assert_is_of(submit(worker, 9, 90).result(10), 9, 90)


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


def test_a_dead_device_is_not_live_and_a_revived_one_is(start: Start, folder: Path) -> None:
    model, engine = fussy_model(folder)
    worker = start(model)
    engine.is_broken = True
    failures = [submit(worker, 3) for _ in range(3)]
    for future in failures:
        with pytest.raises(ServerError):
            future.result(10)
    wait_until(lambda: not worker.is_live)
    assert not worker.is_ready
    assert worker.trouble is not None
    assert "the device does not answer" in worker.trouble
    engine.is_broken = False
    wait_until(lambda: worker.is_ready)  # an idle thread tries again by itself
    assert worker.trouble is None


def test_the_same_bad_image_over_and_over_does_not_end_the_server(
    start: Start, folder: Path
) -> None:
    model, _ = fussy_model(folder)
    worker = start(model)
    for _ in range(8):
        with pytest.raises(ServerError):
            submit(worker, 3, FAILS).result(10)
    assert worker.is_live


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


def test_a_thread_that_is_too_many_ends_and_gives_its_memory_back(
    start: Start, folder: Path
) -> None:
    model, _ = fussy_model(folder)
    worker = start(model, WorkerPolicy(batch=ONE_BY_ONE.batch, max_parallel=2))
    for level in (2, 1, 2):
        worker.engine.parallelism.level = level
        wait_until(lambda level=level: worker.num_threads == level)  # type: ignore[misc]
    assert_is_of(submit(worker, 4, 40).result(10), 4, 40)


def test_stopping_finishes_what_runs_and_refuses_what_waits(gated: Worker, gate: Gate) -> None:
    running = submit(gated, 3)
    assert gate.entered.wait(10)
    waiting = submit(gated, 4)
    threading.Timer(0.05, gate.open.set).start()
    gated.stop(timeout_s=10.0)
    assert running.result(0).prediction.labels is not None
    for refused in (waiting, submit(gated, 4)):
        with pytest.raises(Draining):
            refused.result(0)
    assert not gated.is_alive


def test_a_stopped_worker_lets_go_of_its_model(start: Start, folder: Path) -> None:
    model, _ = fussy_model(folder)
    worker = start(model)
    submit(worker, 3).result(10)
    worker.stop(timeout_s=10.0)
    assert worker.engine.model is None
    assert worker.max_pixels == 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (EngineError("no engine here"), "no engine here"),
        (SystemExit(3), "loading the model failed: SystemExit(3)"),
    ],
)
def test_a_model_that_does_not_load_is_reported(error: BaseException, message: str) -> None:
    failures: list[str] = []

    def load() -> LoadedModel:
        raise error

    worker = Worker(load, on_loaded=lambda _: None, on_failed=failures.append)
    worker.start()
    wait_until(lambda: not worker.is_alive)
    assert failures == [message]
    assert not worker.is_live
    assert not worker.is_ready


def test_the_first_calls_teach_the_cost_before_anybody_asks(
    start: Start, folder: Path, watch: Counting
) -> None:
    model, engine = fussy_model(folder)
    worker = start(model, WorkerPolicy(calibrate_s=60.0))
    assert max(engine.batches) == 8
    assert worker.engine.cost.is_known
    assert {call.graph for call in watch.calls} == {"frame", "flow"}
    # The toy takes a fraction of a millisecond for what the prior says takes 0.012 s.
    assert worker.engine.cost.alone_s(Shape(size=(64, 64))) > 0
    assert [call.is_cold for call in watch.calls[:4]] == [True, True, False, False]


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
