"""Jobs in, futures out. Real threads; nothing is timed."""

import math
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from models.task import Task
from server.errors import (
    DeadlinePassed,
    Draining,
    QueueFull,
    Unusable,
)
from server.scheduling.cost import GraphCost, Shape
from server.scheduling.job import Answer, Job, Priority
from server.scheduling.known_shapes import Coldness
from server.scheduling.worker import Worker
from tests.server.scheduling.engines import (
    Counting,
    fussy_model,
)
from tests.server.scheduling.jobs import (
    ALL,
    ONE_BY_ONE,
    TOGETHER,
    Start,
    assert_is_of,
    far_s,
    job,
    submit,
)
from tests.server.scheduling.simulation import DEVICE
from tests.server.serving import Gate, gated_model, plain, wait_until


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
        "4": (1, 8, 12, 3),
        "8": (1, 4, 6, 3),
        "16": (1, 2, 3, 3),
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
    assert newest.levels["4"].shape == (1, 8, 12, 3)
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


def test_what_is_expected_counts_shared_batches_cold_shapes_and_batches_at_once(
    start: Start, folder: Path, gate: Gate
) -> None:
    slow = GraphCost(s_per_mpx=0.0, s_per_image=1000.0, s_per_call=0.0)
    gated = start(gated_model(folder, gate), ONE_BY_ONE, slow)
    running = submit_until(gated, 1e6)
    assert gate.entered.wait(10)
    waits = submit_until(gated, 1e6)
    engine = gated.engine
    assert gated.expected_wait_s == pytest.approx(2000, abs=60)
    engine.sharing = 0.5
    assert gated.expected_wait_s == pytest.approx(1500, abs=60)
    engine.shapes.cold = Coldness(log_factor=math.log(3.0), share=0.5)  # twice as long
    assert gated.expected_wait_s == pytest.approx(2000, abs=60)
    engine.parallelism.level = 2
    assert gated.expected_wait_s == pytest.approx(2000, abs=60)  # they have not run at once yet
    engine.overlap = 2.0
    assert gated.expected_wait_s == pytest.approx(1000, abs=60)
    gate.open.set()
    for future in (running, waits):
        future.result(10)


def submit_until(worker: Worker, seconds: float) -> "Future[Answer]":
    return worker.submit(job(4, 4, (0, 0, 0)), deadline_s=time.monotonic() + seconds)


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
