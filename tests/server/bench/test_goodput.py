import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bench.goodput import GoodputSearch


def search(*, capacity: float, first: float, max_rate: float = 1000.0, steps: int = 12) -> float:
    """The rate found for a server that keeps its promise up to `capacity`."""
    goodput = GoodputSearch(first_rate=first, max_rate=max_rate, steps=steps)
    while (rate := goodput.next_rate()) is not None:
        goodput.tell(rate, is_good=rate <= capacity)
    return goodput.best


@given(st.floats(1, 500), st.floats(0.5, 600))
def test_the_rate_found_is_good_and_near_the_best(capacity: float, first: float) -> None:
    found = search(capacity=capacity, first=first, steps=24)
    assert capacity * 0.99 <= found <= capacity


def test_each_step_doubles_until_the_promise_breaks_and_then_halves_the_gap() -> None:
    goodput = GoodputSearch(first_rate=2.0, max_rate=100.0, steps=5)
    tried = []
    while (rate := goodput.next_rate()) is not None:
        tried.append(rate)
        goodput.tell(rate, is_good=rate <= 9)
    assert tried == pytest.approx([2, 4, 8, 16, 128**0.5])
    assert goodput.best == 8


def test_a_server_that_keeps_everything_ends_the_search_at_the_highest_rate() -> None:
    assert search(capacity=1e9, first=30.0, max_rate=100.0) == 100


def test_a_server_that_keeps_nothing_has_no_goodput() -> None:
    assert search(capacity=0.0, first=30.0) == 0


def test_a_good_rate_above_a_broken_one_is_luck() -> None:
    goodput = GoodputSearch(first_rate=4.0, max_rate=100.0, steps=9)
    goodput.tell(4.0, is_good=False)
    goodput.tell(5.0, is_good=True)
    assert goodput.best == 0
