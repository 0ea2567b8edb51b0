"""Who runs beside others has a share of the engine's threads; who is alone, or large, has all."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

import server.scheduling.engine
from models.runtime.protocol import Runtime
from models.runtime.select import EngineError
from server.loading.loaded_model import load_model
from server.scheduling.batcher import BatchPolicy
from server.scheduling.division import Division
from server.scheduling.worker import Worker, WorkerPolicy
from tests.server.scheduling.engines import Fussy, fussy_model
from tests.server.scheduling.jobs import Start, assert_is_of, hold, submit
from tests.server.scheduling.memories import Machine
from tests.server.serving import config_for, wait_until

TWO = WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_jobs=1), max_parallel=2)


class House:
    """A worker that runs two batches at once; the first one is held in the whole engine."""

    def __init__(self, start: Start, folder: Path) -> None:
        model, self.whole = fussy_model(folder)
        self.share = Fussy(load_model(config_for(folder)).selection.runtime)
        self.asked: list[int] = []
        self.worker: Worker = start(replace(model, divided=self._divided), TWO)
        submit(self.worker, 1).result(10)
        self.worker.engine.parallelism.level = 2
        wait_until(lambda: self.worker.num_threads == 2 and self.worker.engine.is_divided)
        self.go_on, held = threading.Event(), threading.Event()
        self.whole.before = hold(held, self.go_on)
        self.first = submit(self.worker, 3, 30)
        assert held.wait(10)
        self.whole.before = lambda: None

    def _divided(self, at_once: int) -> Runtime:
        self.asked.append(at_once)
        return self.share

    def end(self) -> None:
        self.go_on.set()
        assert_is_of(self.first.result(10), 3, 30)


def test_the_second_of_two_has_a_share_and_one_that_is_alone_has_all(
    start: Start, folder: Path
) -> None:
    house = House(start, folder)
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    assert (house.asked, house.share.batches, house.whole.batches) == ([2], [1], [1])
    house.end()
    wait_until(lambda: house.worker._desk.num_taken == 0)
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    assert (house.share.batches, house.whole.batches) == ([1], [1, 1, 1])


def test_a_large_one_has_all_threads_even_beside_another(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.scheduling.engine, "LARGEST_PX", 16 * 16)
    house = House(start, folder)
    assert_is_of(submit(house.worker, 17, 50).result(10), 17, 50)
    assert (house.share.batches, house.whole.batches) == ([], [1, 1])
    house.end()


def test_where_only_the_memory_that_the_engine_kept_is_left_it_is_not_divided(
    start: Start, folder: Path, machine: Machine
) -> None:
    house = House(start, folder)
    memory = house.worker.engine.runtime.memory
    memory.kept_bytes = 100 * memory.bytes_per_px / 0.8
    machine.free_bytes = 10 * memory.bytes_per_px / 0.8
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    assert house.share.batches == []
    house.end()


def test_back_at_one_the_share_is_let_go_of(start: Start, folder: Path) -> None:
    house = House(start, folder)
    house.end()
    house.worker.engine.parallelism.level = 1
    submit(house.worker, 5).result(10)
    wait_until(lambda: house.worker.engine._division.runtime_for(2) is None)


def test_it_is_loaded_once_and_what_fails_is_not_tried_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(at_once: int) -> NoReturn:
        raise EngineError(f"no engine for {at_once}")

    engine = load_model(config_for(folder)).selection.runtime
    division = Division()
    assert division.is_prepared(1)
    assert not division.is_prepared(2)
    division.prepare(2, lambda _: engine)
    division.prepare(2, fail)
    assert division.runtime_for(2) is engine
    division.prepare(3, fail)
    assert "not divided among 3 batches: no engine for 3" in caplog.text
    assert division.is_prepared(3)
    assert division.runtime_for(3) is None
    division.keep(1)
    assert division.is_prepared(1)
    assert not division.is_prepared(2)
