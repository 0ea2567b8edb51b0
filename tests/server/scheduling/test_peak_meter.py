"""One peak for the whole process: a call that was not alone says nothing."""

import threading

import numpy as np
import pytest

from server.loading.memory import forget_peak
from server.scheduling.peak_meter import Growth, PeakMeter

BALLAST = 64 * 2**20

needs_peaks = pytest.mark.skipif(
    not forget_peak(), reason="this system does not let a process forget its peak"
)


def use_memory() -> int:
    return int(np.ones(BALLAST, np.uint8).sum())


@needs_peaks
def test_a_call_by_itself_tells_how_far_the_process_grew() -> None:
    answer, growth = PeakMeter().measure(use_memory, is_telling=True)
    assert answer == BALLAST
    assert growth is not None
    assert growth.peak_bytes is not None
    assert growth.peak_bytes - growth.before_bytes > 0.9 * BALLAST
    assert growth.peak_bytes - growth.after_bytes > 0.9 * BALLAST


@needs_peaks
def test_what_stays_when_a_call_has_ended_is_told_too() -> None:
    ballast, growth = PeakMeter().measure(lambda: np.ones(BALLAST, np.uint8), is_telling=True)
    assert growth is not None
    assert growth.after_bytes - growth.before_bytes > 0.9 * ballast.nbytes


def test_a_call_that_is_not_telling_is_not_measured() -> None:
    assert PeakMeter().measure(use_memory, is_telling=False) == (BALLAST, None)


@needs_peaks
def test_whose_the_peak_of_overlapping_calls_was_nobody_knows() -> None:
    meter = PeakMeter()
    begun, go_on = threading.Event(), threading.Event()
    found: list[Growth | None] = []

    def long() -> bool:
        begun.set()
        return go_on.wait(10)

    thread = threading.Thread(target=lambda: found.append(meter.measure(long, is_telling=True)[1]))
    thread.start()
    assert begun.wait(10)
    found.append(meter.measure(use_memory, is_telling=True)[1])
    go_on.set()
    thread.join()
    found.append(meter.measure(use_memory, is_telling=True)[1])
    assert [None if one is None else one.peak_bytes is None for one in found] == [True, True, False]


@needs_peaks
def test_a_call_that_fails_ends_too() -> None:
    meter = PeakMeter()
    with pytest.raises(ZeroDivisionError):
        meter.measure(lambda: 1 // 0, is_telling=True)
    growth = meter.measure(use_memory, is_telling=True)[1]
    assert growth is not None
    assert growth.peak_bytes is not None
