"""No is an answer: at once, with the reason."""

import pytest

from server.errors import QueueFull
from server.scheduling.forecast import too_late


def test_one_that_would_be_late_is_429_and_knows_when_it_would_not_be() -> None:
    error = too_late(ahead_s=8.0, own_s=1.5, now_s=100.0, deadline_s=105.0)
    assert isinstance(error, QueueFull)
    assert error.status == 429
    # Of 9.5 s, 4.5 are too much.
    assert error.headers == {"Retry-After": "5"}
    assert "8.0 s of work before this request, which takes 1.5 s itself" in str(error)


@pytest.mark.parametrize(("ahead_s", "own_s"), [(3.5, 1.5), (0.0, 99.0)])
def test_one_that_is_in_time_is_let_in_and_so_is_any_at_an_idle_engine(
    ahead_s: float, own_s: float
) -> None:
    assert too_late(ahead_s=ahead_s, own_s=own_s, now_s=100.0, deadline_s=105.0) is None


def test_the_time_to_come_again_is_a_second_to_ten_minutes() -> None:
    found = [
        too_late(ahead_s=ahead_s, own_s=0.0, now_s=0.0, deadline_s=1.0) for ahead_s in (1.01, 1e6)
    ]
    assert [error.headers["Retry-After"] for error in found if error] == ["1", "600"]
