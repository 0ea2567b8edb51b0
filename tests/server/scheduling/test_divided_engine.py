"""Who runs beside others has a share of the engine's threads; who is alone, or large, has all."""

import threading
import time
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import server.scheduling.engine
import server.scheduling.places
from models.runtime.protocol import Runtime
from server.errors import ServerError
from server.loading.loaded_model import load_model
from server.scheduling.batch import Batch, Entry, Room
from server.scheduling.batcher import BatchPolicy
from server.scheduling.cost import Shape
from server.scheduling.job import Priority
from server.scheduling.lane import Waiting
from server.scheduling.places import Places
from server.scheduling.worker import WorkerPolicy
from tests.server.scheduling.engines import FAILS, KILLS, Counting, Fussy
from tests.server.scheduling.jobs import Start, assert_is_of, far_s, hold, job, submit
from tests.server.scheduling.memories import Machine
from tests.server.serving import config_for, wait_until

TWO = WorkerPolicy(batch=BatchPolicy(pixel_budget=10**6, max_jobs=1), max_parallel=2)


class Dividing(Fussy):
    """Can be had once more, with two threads."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.shares: list[Fussy] = []

    def share(self, threads: int) -> Runtime:
        assert threads == 2
        self.shares.append(Fussy(self._runtime))
        return self.shares[-1]


class House:
    """A worker that runs two batches at once, the first one held in the whole engine."""

    def __init__(self, start: Start, folder: Path, *, model_bytes: int = 0) -> None:
        model = load_model(config_for(folder))
        self.whole = Dividing(model.selection.runtime)
        self.shares = self.whole.shares
        selection = replace(model.selection, runtime=self.whole, threads=5)
        self.worker = start(replace(model, selection=selection, num_bytes=model_bytes), TWO)
        self.engine = self.worker.engine
        submit(self.worker, 1).result(10)
        self.engine.parallelism.level = 2
        wait_until(lambda: self.worker.num_threads == 2 and self.engine.at_once == 2)
        self.go_on, held = threading.Event(), threading.Event()
        self.whole.before = hold(held, self.go_on)
        self.first = submit(self.worker, 3, 30)
        assert held.wait(10)
        self.whole.before = lambda: None

    @property
    def num_in_shares(self) -> int:
        return sum(len(share.batches) for share in self.shares)

    @property
    def num_in_whole(self) -> int:
        return len(self.whole.batches)

    def end(self) -> None:
        self.go_on.set()
        assert_is_of(self.first.result(10), 3, 30)
        wait_until(lambda: not self.engine._places._in_whole)


def test_the_second_of_two_has_a_share_and_one_that_is_alone_has_all(
    start: Start, folder: Path
) -> None:
    house = House(start, folder)
    assert len(house.shares) == 2
    warmed = house.num_in_shares
    assert warmed == 2  # each has run what the whole engine had met
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    assert (house.num_in_shares, house.num_in_whole) == (warmed + 1, 1)
    house.end()
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    assert (house.num_in_shares, house.num_in_whole) == (warmed + 1, 3)


def test_two_large_ones_do_not_wait_for_each_other_in_the_engine(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.scheduling.places, "LARGEST_PX", 16 * 16)
    house = House(start, folder)
    places, looks = house.engine._places, threading.Semaphore(0)

    def room(slot: int, **how: Any) -> AbstractContextManager[Room]:
        looks.release()
        return Places.room(places, slot, **how)

    monkeypatch.setattr(places, "room", room)
    large = submit(house.worker, 17, 50)
    assert looks.acquire(timeout=10)
    assert looks.acquire(timeout=10)  # the second thread has looked at it, and again a second later
    assert len(house.worker._desk) == 1  # it waits in the queue, where it can still be cancelled
    assert places.num_running == 1
    house.end()
    assert_is_of(large.result(10), 17, 50)
    assert house.num_in_whole == 3


def test_where_only_the_memory_that_the_engine_kept_is_left_it_is_not_divided(
    start: Start, folder: Path, machine: Machine
) -> None:
    house = House(start, folder)
    memory, warmed = house.engine.runtime.memory, house.num_in_shares
    memory.kept_bytes = 100 * memory.bytes_per_px / 0.8
    machine.free_bytes = 10 * memory.bytes_per_px / 0.8
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    assert (house.num_in_shares, house.num_in_whole) == (warmed, 2)
    house.end()


def test_where_there_is_no_room_for_shares_none_are_loaded(
    start: Start, folder: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.free_bytes = 1e6
    with caplog.at_level("INFO"):
        house = House(start, folder, model_bytes=10**6)
    assert "no room for 2 engines beside this one" in caplog.text
    assert house.shares == []
    waits = submit(house.worker, 5, 50)
    house.end()
    assert_is_of(waits.result(10), 5, 50)
    assert house.num_in_whole == 3


def test_what_fails_in_a_share_runs_in_the_whole_engine_and_shares_that_fail_are_let_go_of(
    start: Start, folder: Path
) -> None:
    house = House(start, folder)
    with pytest.raises(ServerError):
        submit(house.worker, 5, FAILS).result(10)
    assert house.engine._places.division.has_free  # it failed in the whole engine as well
    for share in house.shares:
        share.is_broken = True
    assert_is_of(submit(house.worker, 5, 50).result(10), 5, 50)
    wait_until(lambda: not house.engine._places.division.has_free)
    assert house.engine.parallelism.level == 1
    house.end()


def test_a_thread_that_dies_leaves_its_share_behind(
    start: Start, folder: Path, watch: Counting
) -> None:
    house = House(start, folder)
    with pytest.raises(ServerError):
        submit(house.worker, 5, KILLS).result(20)
    assert watch.num_restarts >= 1
    house.end()
    division = house.engine._places.division
    wait_until(lambda: division.num_held == 0)
    assert None not in (division.take(7), division.take(8))


def test_back_at_one_the_shares_are_let_go_of(start: Start, folder: Path) -> None:
    house = House(start, folder)
    house.end()
    house.engine.parallelism.level = 1
    submit(house.worker, 5).result(10)
    wait_until(lambda: not house.engine._places.division.is_prepared)


def batch_of(side: int) -> Batch:
    shape = Shape(size=(side, side), num_frames=1, has_flow=False)
    waiting = Waiting(
        id=side, shape=shape, arrived_s=0.0, deadline_s=far_s(), priority=Priority.NORMAL
    )
    entry = Entry(waiting=waiting, job=job(side, side, (0, 0, 0)), future=Future())
    return Batch(entries=(entry,), room_px=side * side, num_pixels=side * side)


def test_large_batches_say_nothing_about_shares(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(start, folder)
    house.end()
    monkeypatch.setattr(server.scheduling.engine, "LARGEST_PX", 16 * 16)
    told: list[bool] = []
    monkeypatch.setattr(house.engine.parallelism, "done", lambda backlog, **_: told.append(backlog))
    for side in (16, 17):
        house.engine.answer(batch_of(side), 7, backlog=lambda: True)
    assert told == [True, False]


def test_large_ones_run_alone_and_that_is_what_newcomers_expect(start: Start, folder: Path) -> None:
    house = House(start, folder)
    house.end()
    house.engine.overlap = 2.0
    for _ in range(30):
        house.engine.answer(batch_of(16), 7, backlog=lambda: True)
    assert house.engine.overlap < 1.1


def test_an_idle_engine_gives_the_memory_of_its_shares_back(start: Start, folder: Path) -> None:
    house = House(start, folder)
    house.end()
    house.engine.parallelism._settled = 2
    kept = []
    for rested_s in (50, 70):
        house.engine.rest(now_s=time.monotonic() + rested_s)
        kept.append(house.engine._places.division.is_prepared)
    assert kept == [True, False]
    assert house.engine.parallelism.level == 1


def test_four_at_once_are_wanted_together_or_not_at_all(start: Start, folder: Path) -> None:
    model = load_model(config_for(folder))
    whole = Dividing(model.selection.runtime)
    selection = replace(model.selection, runtime=whole, threads=9)
    worker = start(replace(model, selection=selection), replace(TWO, max_parallel=4))
    submit(worker, 1).result(10)
    engine, levels = worker.engine, []
    for now_s in np.arange(0, 500, 0.5):
        engine.parallelism.done(work_s=0.5, now_s=float(now_s), backlog=True)
        levels.append(engine.parallelism.level)
    assert set(levels) == {1, 4}
    assert levels.count(4) < 100
    engine.parallelism.level = 4
    wait_until(lambda: engine.at_once == 4)
    assert len(whole.shares) == 4
    engine.parallelism.level = 1
    submit(worker, 2).result(10)
    wait_until(lambda: not engine._places.division.is_prepared)
    engine.parallelism.level = 4  # the next trial finds shares again, whichever threads still live
    wait_until(lambda: engine.at_once == 4)
    assert len(whole.shares) == 8
