"""Learning rates by hand."""

import pytest

from training.schedule import rate_factor


def cosine(step: int) -> float:
    return rate_factor(step, num_steps=1100, warmup_steps=100, shape="cosine")


def rsqrt(step: int) -> float:
    return rate_factor(step, num_steps=10_000, warmup_steps=100, shape="rsqrt")


def test_warm_up_is_linear_and_never_zero() -> None:
    assert cosine(0) == pytest.approx(0.01)
    assert cosine(49) == pytest.approx(0.5)


def test_cosine_passes_a_half_in_the_middle_and_ends_at_zero() -> None:
    assert cosine(100) == pytest.approx(1.0)
    assert cosine(600) == pytest.approx(0.5)
    assert cosine(1100) == pytest.approx(0.0)


def test_rsqrt_halves_when_steps_quadruple_and_cools_down_to_zero() -> None:
    assert rsqrt(400) == pytest.approx(rsqrt(1600) * 2)
    assert rsqrt(9000) == pytest.approx(0.5 * (100 / 9000) ** 0.5)
    assert rsqrt(10_000) == 0.0
