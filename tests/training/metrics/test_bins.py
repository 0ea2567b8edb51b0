import math

import numpy as np
import pytest

from training.metrics.bins import BinnedError, by_quantile

SPEED = np.array([0.0, 9.9, 10.0, 39.0, 40.0, 500.0])
ERROR = np.array([1.0, 3.0, 4.0, 8.0, 10.0, 30.0])


def test_bins_by_hand() -> None:
    bins = BinnedError(edges=(0.0, 10.0, 40.0, math.inf))
    bins.add(SPEED, ERROR)
    assert bins.means().tolist() == [2.0, 6.0, 20.0]
    assert bins.shares() == pytest.approx([1 / 3, 1 / 3, 1 / 3])


def test_a_value_beyond_the_edges_has_no_bin_and_an_empty_bin_no_mean() -> None:
    bins = BinnedError(edges=(1.0, 2.0, 5.0))
    bins.add(np.array([0.5, 2.0, 5.0]), np.array([7.0, 3.0, 7.0]))
    assert math.isnan(bins.means()[0])
    assert bins.means()[1] == 3.0
    assert bins.shares().tolist() == [0.0, 1.0]


def test_images_are_pooled_by_pixels_not_by_images() -> None:
    at_once, apart = (BinnedError(edges=(0.0, math.inf)) for _ in range(2))
    at_once.add(SPEED, ERROR)
    apart.add(SPEED[:1], ERROR[:1])
    apart.add(SPEED[1:], ERROR[1:])
    assert apart.means().tolist() == at_once.means().tolist() == [56 / 6]


def test_quantiles_hold_equally_many_pixels() -> None:
    values = np.array([5.0, 1.0, 4.0, 2.0])
    errors = np.array([[50.0, 10.0, 40.0, 20.0], [1.0, 1.0, 1.0, 3.0]])
    slow, fast = by_quantile(values, errors, num_parts=2)
    assert (slow.low, slow.high, slow.errors) == (1.0, 2.0, (15.0, 2.0))
    assert (fast.low, fast.high, fast.errors) == (4.0, 5.0, (45.0, 1.0))
    assert len(by_quantile(values, errors)) == 4  # fewer pixels than tenths


def test_refuses_what_would_be_counted_wrongly() -> None:
    with pytest.raises(ValueError, match=r"\(2.0, 1.0\), expected two or more, ascending"):
        BinnedError(edges=(2.0, 1.0))
    with pytest.raises(ValueError, match=r"values are \(6,\), errors \(5,\)"):
        BinnedError(edges=(0.0, 1.0)).add(SPEED, ERROR[1:])
    with pytest.raises(ValueError, match=r"values are \(6,\), errors \(6,\)"):
        by_quantile(SPEED, ERROR)
