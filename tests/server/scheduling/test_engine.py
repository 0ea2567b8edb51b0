"""What an engine takes, what it learns, and what becomes of those that it cannot run."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from models.runtime.select import EngineError
from server.errors import (
    ServerError,
    TooManyPixels,
)
from server.loading.loaded_model import LoadedModel
from server.loading.memory import expected_bytes_per_px
from server.scheduling.cost import Shape
from server.scheduling.worker import Worker, WorkerPolicy
from tests.server.scheduling.engines import (
    FAILS,
    Counting,
    fussy_model,
)
from tests.server.scheduling.jobs import (
    TOGETHER,
    Start,
    assert_is_of,
    far_s,
    hold,
    submit,
)
from tests.server.scheduling.memories import Machine
from tests.server.scheduling.simulation import DEVICE
from tests.server.serving import Gate, wait_until

PX_BYTES = float(expected_bytes_per_px("fussy", ["f32"]))
"""Of an engine that nobody knows, before it has run."""


def test_what_the_memory_cannot_hold_is_413_before_it_waits(
    gated: Worker, machine: Machine
) -> None:
    machine.free_bytes = PX_BYTES * 1000 / 0.8
    assert gated.max_pixels == 1000
    with pytest.raises(TooManyPixels, match="only 0.0 Mpx fit into the memory that is free"):
        submit(gated, 32).result(0)
    with pytest.raises(TooManyPixels):
        gated.check(Shape(size=(32, 32)), deadline_s=far_s())


def test_memory_that_went_while_it_waited_is_413_too(
    gated: Worker, gate: Gate, machine: Machine
) -> None:
    first = submit(gated, 3)
    assert gate.entered.wait(10)
    second = submit(gated, 32)
    machine.free_bytes = PX_BYTES * 1000 / 0.8
    gate.open.set()
    first.result(10)
    with pytest.raises(TooManyPixels):
        second.result(10)
    assert gate.sizes == [(3, 3)]


def test_a_shortage_that_is_over_is_forgotten(gated: Worker, gate: Gate, machine: Machine) -> None:
    gate.open.set()
    machine.free_bytes = PX_BYTES * 10 / 0.8
    with pytest.raises(TooManyPixels):
        submit(gated, 4).result(0)
    machine.free_bytes = PX_BYTES * 16 / 0.8
    assert_is_of(submit(gated, 4, 40).result(10), 4, 40)


def test_models_take_turns_with_images_that_do_not_fit_into_the_memory_together(
    start: Start, folder: Path, machine: Machine
) -> None:
    (model, engine), (other_model, other_engine) = fussy_model(folder), fussy_model(folder)
    worker, other = start(model), start(other_model)
    machine.free_bytes = PX_BYTES * 2500 / 0.8  # an image of 50x50, and what is left holds 500 px
    held, go_on = threading.Event(), threading.Event()
    engine.before = hold(held, go_on)
    entered = threading.Event()
    other_engine.before = entered.set
    large = submit(worker, 50, 50)
    assert held.wait(10)
    assert other.max_pixels == 2500  # it will fit, when its turn comes
    waits = submit(other, 30, 30)
    wait_until(lambda: other.engine._account.waits_since_s is not None)
    assert not entered.is_set()
    go_on.set()
    assert_is_of(large.result(10), 50, 50)
    assert_is_of(waits.result(10), 30, 30)


def test_models_run_at_the_same_time_where_both_fit(
    start: Start, folder: Path, machine: Machine
) -> None:
    pairs = [fussy_model(folder) for _ in range(2)]
    workers = [start(model) for model, _ in pairs]
    machine.free_bytes = PX_BYTES * 3000 / 0.8
    both = threading.Barrier(2, timeout=10)  # broken, and so 500, if they come one by one
    for _, engine in pairs:
        engine.before = both.wait
    for future in [submit(worker, 30, 30) for worker in workers]:
        assert_is_of(future.result(20), 30, 30)


def test_a_warm_up_list_that_does_not_fit_is_refused_before_it_runs(folder: Path) -> None:
    model, engine = fussy_model(folder)
    failures: list[str] = []
    for size in ((3000, 2000), (50, 61)):
        machine = Machine()
        machine.free_bytes = PX_BYTES * 3000 / 0.8
        worker = Worker(
            lambda size=size: replace(model, warm_up_sizes=((5, 5), size)),  # type: ignore[misc]
            on_loaded=lambda _: None,
            on_failed=failures.append,
            memory=machine.memory,
        )
        worker.start()
        wait_until(lambda worker=worker: not worker.is_alive)  # type: ignore[misc]
    assert [failure.split(",")[0] for failure in failures] == [
        "the warm-up list has an image of 6.0 Mpx",
        "the warm-up list has an image of 0.0 Mpx",
    ]
    assert engine.batches == []


def test_what_a_warm_up_takes_is_not_free_for_others(folder: Path) -> None:
    model, engine = fussy_model(folder)
    machine = Machine()
    machine.free_bytes = PX_BYTES * 10_000
    ledger = machine.memory.ledger
    other = ledger.open(threading.Condition())
    seen = []

    def look() -> None:
        with ledger.look(other, 0) as found:
            seen.append(found.free_bytes)

    engine.before = look
    worker = Worker(
        lambda: replace(model, warm_up_sizes=((20, 20), (50, 40))),
        on_loaded=lambda _: None,
        on_failed=pytest.fail,
        memory=machine.memory,
    )
    worker.start()
    wait_until(lambda: worker.is_ready)
    assert set(seen) == {PX_BYTES * (10_000 - 50 * 40)}
    look()
    assert seen[-1] == PX_BYTES * 10_000
    worker.stop(timeout_s=10.0)


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
