import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bench.histogram import GROWTH, Histogram

LATENCIES = st.lists(st.floats(1e-4, 1e3), min_size=1, max_size=60)


@given(LATENCIES, st.floats(0.1, 100))
def test_a_percentile_is_the_request_of_that_rank_to_one_percent(
    seconds: list[float], percent: float
) -> None:
    rank = max(1, math.ceil(len(seconds) * percent / 100))
    exact = sorted(seconds)[rank - 1]
    found = Histogram(seconds).percentile(percent)
    assert exact / (1 + 1e-6) <= found <= exact * GROWTH * (1 + 1e-6)


def test_the_99th_of_100_is_not_the_slowest() -> None:
    histogram = Histogram([0.1] * 99 + [5.0])
    assert histogram.percentile(99.0) == pytest.approx(0.1, rel=0.01)
    assert histogram.percentile(99.1) == pytest.approx(5.0, rel=0.01)


def test_requests_that_were_never_answered_are_the_slowest() -> None:
    histogram = Histogram([0.1] * 98 + [math.inf] * 2)
    assert histogram.percentile(98.0) == pytest.approx(0.1, rel=0.01)
    assert histogram.percentile(99.0) == math.inf
    assert histogram.bars()[-1] == (math.inf, math.inf, 2)


@given(LATENCIES, LATENCIES)
def test_two_histograms_add_up_to_that_of_both_lists(a: list[float], b: list[float]) -> None:
    both, whole = Histogram(a) + Histogram(b), Histogram(a + b)
    assert len(both) == len(a) + len(b)
    assert [both.percentile(p) for p in (1.0, 50.0, 99.0)] == [
        whole.percentile(p) for p in (1.0, 50.0, 99.0)
    ]


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(Histogram().percentile(50.0))
    assert Histogram().bars() == []


def test_bars_double_and_show_the_gap_between() -> None:
    bars = Histogram([0.3, 0.3, 1.2]).bars()
    assert bars == [(0.25, 0.5, 2), (0.5, 1.0, 0), (1.0, 2.0, 1)]
