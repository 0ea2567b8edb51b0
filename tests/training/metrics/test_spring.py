"""Spring's own scores, counted by hand on two pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.metrics.spring import SpringScore


def four(first: list[float], second: list[float]) -> NDArray[np.float32]:
    """(2, 4, 2) the u of the four values of two pixels beside each other; v is 0."""
    u = np.array([[*first[:2], *second[:2]], [*first[2:], *second[2:]]], dtype=np.float32)
    return np.stack([u, np.zeros_like(u)], axis=-1)


def answer(first: float, second: float) -> NDArray[np.float32]:
    return np.array([[[first, 0], [second, 0]]], dtype=np.float32)


def test_the_nearest_of_the_four_values_counts() -> None:
    score = SpringScore()
    score.add(answer(10.0, 100.0), four([9, 50, 60, 70], [90, 96, 20, 20]))
    result = score.results()["all"]
    assert result.num_pixels == 2
    assert result.epe == pytest.approx((1 + 4) / 2)
    assert result.outlier_1px == 0.5  # exactly 1 px is none
    # 4 px are above 3 px, but not above 5 % of the longest, 96 px.
    assert result.fl == 0.0


def test_fl_measures_against_the_longest_of_the_four() -> None:
    score = SpringScore()
    score.add(answer(4.0, 4.0), four([0, 0, 0, 0], [0, 0, 0, -79]))
    assert score.results()["all"].fl == 1.0
    score = SpringScore()
    score.add(answer(4.0, 4.0), four([0, 0, 0, 0], [0, 0, 0, -81]))
    assert score.results()["all"].fl == 0.5


def test_parts_by_speed_take_the_mean_of_the_four() -> None:
    score = SpringScore()
    score.add(answer(0, 0), four([5, 5, 5, 5], [0, 0, 0, 160]))  # means 5 and 40 px
    found = score.results()
    assert {name: result.num_pixels for name, result in found.items()} == {
        "all": 2,
        "s0-10": 1,
        "s40+": 1,
    }
    assert found["s0-10"].epe == 5.0
    assert found["s40+"].epe == 0.0


def test_a_pixel_with_an_unknown_value_does_not_count() -> None:
    score = SpringScore()
    score.add(answer(1, np.nan), four([0, 0, 0, 0], [0, 0, 0, np.nan]))
    assert score.results()["all"].num_pixels == 1
    with pytest.raises(ValueError, match="flow holds NaN"):
        score.add(answer(np.nan, 0), four([0, 0, 0, 0], [0, 0, 0, 0]))


def test_wauc_falls_with_the_error() -> None:
    def wauc(error: float) -> float:
        score = SpringScore()
        score.add(answer(error, error), four([0, 0, 0, 0], [0, 0, 0, 0]))
        return score.results()["all"].wauc

    assert wauc(0.0) == 1.0
    # Not within 0.05 px, whose weight is 1 of 50.5 in all.
    assert wauc(0.06) == pytest.approx(1 - 1 / 50.5)
    assert wauc(4.99) == pytest.approx(0.01 / 50.5)  # within 5 px alone
    assert wauc(5.01) == 0.0


def test_parts_are_scored_on_their_own_and_over_all_images() -> None:
    score = SpringScore()
    sky = np.array([[True, False]])
    score.add(answer(2, 0), four([0, 0, 0, 0], [0, 0, 0, 0]), {"sky": sky, "not sky": ~sky})
    score.add(answer(4, 0), four([0, 0, 0, 0], [0, 0, 0, 0]), {"sky": sky, "not sky": ~sky})
    found = score.results()
    assert found["sky"].epe == 3.0
    assert found["not sky"].epe == 0.0
    assert found["all"].epe == 1.5


def test_sizes_that_do_not_fit_and_empty_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="expected twice the height and width"):
        SpringScore().add(answer(0, 0), np.zeros((1, 2, 2), np.float32))
    with pytest.raises(ValueError, match="no pixel was counted"):
        SpringScore().results()
