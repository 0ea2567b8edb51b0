"""Depth as it is, or without its scale."""

import numpy as np
import pytest

from models.bundle import DepthOutput
from models.runtime.predictor import Prediction
from server.answers.depth_form import RELATIVE, as_form, check_depth_form
from server.errors import Unusable
from tests.toy_bundle import toy_bundle

METRIC = toy_bundle(depth=DepthOutput(convention="metric", unit="m", near_is_large=False))
DEPTH = Prediction(
    depth=np.array([[2.0, 0.5, 0.0, np.inf]], dtype=np.float32),
    depth_uncertainty=np.array([[0.4, 0.5, 0.1, 1.0]], dtype=np.float16),
)


def test_metres_become_inverse_depth_and_the_uncertainty_follows_the_derivative() -> None:
    prediction, bundle = as_form("relative", DEPTH, METRIC)
    assert bundle.depth == RELATIVE
    assert prediction.depth is not None
    assert prediction.depth_uncertainty is not None
    # 1/2, 1/0.5, no value, and what is infinitely far has inverse depth 0
    np.testing.assert_array_equal(prediction.depth, [[0.5, 2.0, np.nan, 0.0]])
    np.testing.assert_allclose(prediction.depth_uncertainty, [[0.1, 2.0, np.nan, 0.0]], rtol=1e-3)


@pytest.mark.parametrize("form", [None, "metric"])
def test_without_that_wish_it_stays_as_the_model_has_it(form: str | None) -> None:
    prediction, bundle = as_form(form, DEPTH, METRIC)  # type: ignore[arg-type]
    assert prediction is DEPTH
    assert bundle is METRIC


def test_metres_cannot_be_had_from_relative_depth() -> None:
    check_depth_form("metric", METRIC)
    check_depth_form("relative", toy_bundle())
    with pytest.raises(Unusable, match="whose scale nobody knows: ask for depth=relative"):
        check_depth_form("metric", toy_bundle())
