"""One peak for the whole process: a call that was not alone says nothing."""

import threading

import numpy as np
import pytest

from server.loading.memory import forget_peak
from server.scheduling.peak_meter import PeakMeter

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
    assert growth.peak_bytes - growth.before_bytes > 0.9 * BALLAST


def test_a_call_that_is_not_telling_is_not_measured() -> None:
    assert PeakMeter().measure(use_memory, is_telling=False) == (BALLAST, None)


@needs_peaks
def test_calls_that_overlap_tell_nothing_and_the_next_one_does() -> None:
    meter = PeakMeter()
    begun, go_on = threading.Event(), threading.Event()
    found = []

    def long() -> bool:
        begun.set()
        return go_on.wait(10)

    thread = threading.Thread(target=lambda: found.append(meter.measure(long, is_telling=True)))
    thread.start()
    assert begun.wait(10)
    assert meter.measure(use_memory, is_telling=True) == (BALLAST, None)
    go_on.set()
    thread.join()
    assert found == [(True, None)]
    assert meter.measure(use_memory, is_telling=True)[1] is not None


@needs_peaks
def test_a_call_that_fails_ends_too() -> None:
    meter = PeakMeter()
    with pytest.raises(ZeroDivisionError):
        meter.measure(lambda: 1 // 0, is_telling=True)
    assert meter.measure(use_memory, is_telling=True)[1] is not None
