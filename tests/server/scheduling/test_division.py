"""Shares are loaded once, for one thread each, and none is lost or kept for nobody."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from server.loading.loaded_model import load_model
from server.scheduling.cost import CostModel
from server.scheduling.division import Division
from server.scheduling.known_shapes import KnownShapes
from server.scheduling.measured_runtime import MeasuredRuntime
from server.scheduling.peak_meter import PeakMeter
from tests.server.scheduling.engines import Counting
from tests.server.serving import config_for


def share_of(folder: Path) -> MeasuredRuntime:
    return MeasuredRuntime(
        load_model(config_for(folder)).selection.runtime,
        cost=CostModel(),
        shapes=KnownShapes(),
        watch=Counting(),
        meter=PeakMeter(),
    )


def test_each_share_has_one_batch_at_a_time(folder: Path) -> None:
    division, shares = Division(), [share_of(folder), share_of(folder)]
    assert not division.is_prepared
    assert division.take(0) is None
    division.prepare(lambda: shares)
    first, second = division.take(0), division.take(1)
    assert [first, second] == shares
    assert (division.take(2), division.has_free) == (None, False)
    division.release(0)
    division.release(0)  # by the thread, and again by whoever buries it
    assert division.has_free
    assert division.take(2) is first
    division.let_go()
    assert division.share_of(1) is second  # until its batch has ended
    for slot in (1, 2):
        division.release(slot)
    assert (division.take(1), division.num_held, division.is_prepared) == (None, 0, False)


@pytest.mark.parametrize("error", [MemoryError, RuntimeError, ValueError])
def test_shares_that_cannot_be_loaded_are_none(
    folder: Path, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    def fail() -> NoReturn:
        raise error("no engine")

    division = Division()
    division.prepare(fail)
    assert "the engine could not be divided" in caplog.text
    assert (division.is_prepared, division.has_free) == (True, False)
    division.let_go()  # the next trial asks again
    division.prepare(lambda: [share_of(folder)])
    assert division.has_free


def test_shares_are_loaded_once_however_many_ask(folder: Path) -> None:
    division, begun, go_on = Division(), threading.Event(), threading.Event()
    shares = [share_of(folder)]

    def load() -> list[MeasuredRuntime]:
        begun.set()
        assert go_on.wait(10)
        return shares

    def fail() -> NoReturn:
        raise AssertionError("asked twice")

    thread = threading.Thread(target=division.prepare, args=(load,))
    thread.start()
    assert begun.wait(10)
    division.prepare(fail)
    assert not division.is_prepared
    go_on.set()
    thread.join(10)
    division.prepare(fail)
    assert division.take(2) is shares[0]


def test_shares_that_nobody_wants_any_more_when_they_are_there_are_let_go_of(folder: Path) -> None:
    division = Division()

    def load() -> list[MeasuredRuntime]:
        division.let_go()
        return [share_of(folder)]

    division.prepare(load)
    assert not division.is_prepared


def test_another_thread_loads_them_when_the_one_that_did_has_died(folder: Path) -> None:
    division, shares = Division(), [share_of(folder)]

    def die() -> NoReturn:
        raise SystemExit

    def load() -> None:
        with suppress(SystemExit):  # pytest would stop
            division.prepare(die)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join(10)
    division.prepare(lambda: shares)
    assert division.take(0) is shares[0]
