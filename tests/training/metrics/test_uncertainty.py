import numpy as np
import pytest

from training.metrics.uncertainty import UncertaintyScore

ERROR = np.arange(20, dtype=np.float32).reshape(4, 5)


def ause(error: np.ndarray, uncertainty: np.ndarray) -> float:
    score = UncertaintyScore()
    score.add(error, uncertainty)
    return score.ause()


def test_the_right_order_is_all_that_matters() -> None:
    assert ause(ERROR, ERROR) == 0
    assert ause(ERROR, np.exp(ERROR / 3).astype(np.float16)) == 0


def test_the_wrong_order_by_hand() -> None:
    # Errors 0..19, mean 9.5. The best order leaves 0..19-k (mean (19-k)/2), the worst k..19
    # (mean (19+k)/2): k apart, over k = 0..19 that is 9.5 on average.
    assert ause(ERROR, -ERROR) == pytest.approx(1.0)


def test_a_useful_uncertainty_lies_between_perfect_and_luck() -> None:
    rng = np.random.default_rng(0)
    error = rng.exponential(size=(50, 60)).astype(np.float32)
    noisy = error + rng.normal(0, 0.5, error.shape).astype(np.float32)
    luck = rng.random(error.shape).astype(np.float32)
    assert 0 < ause(error, noisy) < 0.7 * ause(error, luck)


def test_images_are_pooled_and_unknown_pixels_left_out() -> None:
    pooled = UncertaintyScore()
    for row in ERROR:
        pooled.add(row, -row)
    pooled.add(np.array([np.nan], np.float32), np.array([np.nan], np.float32))
    assert pooled.ause() == pytest.approx(1.0)


def test_refuses_what_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="same shape"):
        UncertaintyScore().add(ERROR, ERROR[0])
    with pytest.raises(ValueError, match="NaN at a known pixel"):
        UncertaintyScore().add(ERROR, np.full_like(ERROR, np.nan))
    with pytest.raises(ValueError, match="0 pixels and no error"):
        UncertaintyScore().ause()


def test_both_curves_by_hand() -> None:
    score = UncertaintyScore()
    score.add(ERROR, -ERROR)
    curves = score.sparsification()
    assert curves.removed[:3] == (0.0, 0.05, 0.1)
    # k pixels gone: the best order leaves a mean of (19 - k) / 2, the worst (19 + k) / 2.
    assert curves.by_error == pytest.approx([(19 - k) / 19 for k in range(20)])
    assert curves.by_uncertainty == pytest.approx([(19 + k) / 19 for k in range(20)])
    assert curves.ause == score.ause()
