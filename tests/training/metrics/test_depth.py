import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.metrics.depth import DepthScore, fit


def inverse(*depth_m: float) -> NDArray[np.float32]:
    """(1, n) inverse depth; inf is the sky, NaN unknown."""
    return np.array([[1 / depth for depth in depth_m]], dtype=np.float32)


def test_numbers_checked_by_hand() -> None:
    score = DepthScore(alignment="none")
    # 3 m too far by 1 m (ratio 1.33), 10 m too near by 5 m (ratio 2), 4 m right.
    score.add(inverse(4, 5, 4), inverse(3, 10, 4))
    result = score.result()
    assert result.num_pixels == 3
    assert result.abs_rel == pytest.approx((1 / 3 + 1 / 2) / 3)
    assert result.sq_rel == pytest.approx((1 / 3 + 25 / 10) / 3)
    assert result.rmse == pytest.approx(math.sqrt((1 + 25) / 3))
    g = [math.log(4 / 3), math.log(1 / 2), 0.0]
    assert result.rmse_log == pytest.approx(math.sqrt(sum(x * x for x in g) / 3))
    assert result.log10 == pytest.approx((math.log10(4 / 3) + math.log10(2)) / 3)
    variance = sum(x * x for x in g) / 3 - (sum(g) / 3) ** 2
    assert result.silog == pytest.approx(100 * math.sqrt(variance), rel=1e-5)
    assert (result.delta1, result.delta2, result.delta3) == pytest.approx((1 / 3, 2 / 3, 2 / 3))


def test_a_log_error_of_plus_and_minus_a_tenth_is_10() -> None:
    score = DepthScore(alignment="none")
    score.add(inverse(2 * math.exp(0.1), 5 * math.exp(-0.1)), inverse(2, 5))
    assert score.result().silog == pytest.approx(10.0, rel=1e-4)


def test_unknown_sky_and_far_truth_are_not_counted() -> None:
    score = DepthScore(alignment="none", far_m=80.0)
    answers = np.array([[0.5, np.nan, 9, 9]], dtype=np.float32)
    truth = np.array([[0.5, np.nan, 0, 1 / 81]], dtype=np.float32)  # 2 m, unknown, sky, 81 m
    score.add(answers, truth)
    assert score.result().num_pixels == 1
    assert score.result().abs_rel == 0


def test_answers_beyond_the_limit_count_as_the_limit() -> None:
    score = DepthScore(alignment="none", far_m=80.0)
    score.add(np.array([[0, -1, 1 / 500]], dtype=np.float32), inverse(40, 40, 40))
    assert score.result().abs_rel == pytest.approx(1.0)


@given(
    scale=st.floats(0.1, 100) | st.floats(-100, -0.1),
    shift=st.floats(-10, 10),
    seed=st.integers(0, 99),
)
def test_scale_and_shift_never_matter_when_aligned(scale: float, shift: float, seed: int) -> None:
    truth = np.random.default_rng(seed).uniform(0.05, 1, (4, 5)).astype(np.float32)
    noisy = truth + 0.02 * np.sin(np.arange(20)).reshape(4, 5).astype(np.float32)
    plain, moved = (DepthScore(alignment="scale_shift") for _ in range(2))
    plain.add(noisy, truth)
    moved.add((noisy.astype(np.float64) * scale + shift).astype(np.float32), truth)
    assert moved.result().abs_rel == pytest.approx(plain.result().abs_rel, rel=1e-2, abs=1e-4)
    assert plain.result().abs_rel > 0


def test_the_line_is_that_of_least_squares_in_inverse_depth() -> None:
    score = DepthScore(alignment="scale_shift")
    # Best line through (0, 1), (1, 1), (2, 4) is 0.5 + 1.5 x: 0.5, 2, 3.5 1/m.
    score.add(np.array([[0, 1, 2]], dtype=np.float32), np.array([[1, 1, 4]], dtype=np.float32))
    d, t = np.array([2, 1 / 2, 1 / 3.5]), np.array([1, 1, 1 / 4])
    assert score.result().abs_rel == pytest.approx(float(np.mean(np.abs(d - t) / t)))


def test_a_constant_answer_becomes_the_mean_of_the_inverse_depth() -> None:
    score = DepthScore(alignment="scale_shift")
    score.add(np.full((1, 3), 0.1, dtype=np.float32), np.array([[0.5, 1, 1.5]], dtype=np.float32))
    assert score.result().rmse == pytest.approx(math.sqrt((1 + 0 + (1 / 3) ** 2) / 3))


def test_the_median_alone_is_a_scale() -> None:
    score = DepthScore(alignment="median")
    score.add(inverse(1, 2, 4) * np.float32(7), inverse(10, 20, 30))
    assert score.result().abs_rel == pytest.approx(10 / 30 / 3, rel=1e-5)  # 10, 20, 40 m
    assert score.result().alignment == "median"


def test_every_image_has_its_own_line_and_pixels_weigh_the_same() -> None:
    truth = inverse(1, 2, 4)
    apart = DepthScore(alignment="scale_shift")
    apart.add(truth * np.float32(3), truth)
    apart.add(truth * np.float32(-5) + np.float32(1), truth)
    assert apart.result().abs_rel == pytest.approx(0, abs=1e-5)
    mixed = DepthScore(alignment="none")
    mixed.add(inverse(2), inverse(1))
    mixed.add(inverse(5, 5, 5), inverse(5, 5, 5))
    assert mixed.result().abs_rel == pytest.approx(1 / 4)


def test_processes_are_added() -> None:
    first, second = (DepthScore(alignment="none") for _ in range(2))
    first.add(inverse(1, 2), inverse(2, 2))
    second.add(inverse(3), inverse(2))
    first.sums += second.sums
    assert first.result().abs_rel == pytest.approx(1 / 3)


def test_refuses_what_would_be_counted_wrongly() -> None:
    score = DepthScore(alignment="none")
    with pytest.raises(ValueError, match="one image at a time"):
        score.add(np.ones((1, 2, 3), dtype=np.float32), np.ones((1, 2, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="NaN or infinity"):
        score.add(np.full((1, 2), np.nan, dtype=np.float32), inverse(1, 2))
    with pytest.raises(ValueError, match="scale_shift"):
        DepthScore(alignment="median").add(-inverse(1, 2), inverse(1, 2))
    score.add(inverse(1), np.full((1, 1), np.nan, dtype=np.float32))  # nothing known: no effect
    with pytest.raises(ValueError, match="no pixel"):
        score.result()


def test_a_fit_undoes_a_scale_and_a_shift() -> None:
    truth = np.array([0.1, 0.2, 0.7])
    line = fit(truth * 4 - 2, truth, "scale_shift")
    assert (line.scale, line.shift) == pytest.approx((0.25, 0.5))
    flat = fit(np.full(3, 5.0), truth, "scale_shift")
    assert (flat.scale, flat.shift) == pytest.approx((0.0, 1 / 3))
