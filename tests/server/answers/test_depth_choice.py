"""Relative or metric."""

import numpy as np
import pytest

from models.bundle import DepthOutput
from models.task import Task
from server.answers.depth_choice import DepthChoice, choose_depth, invert_depth
from server.errors import Unusable
from tests.server.answers.results import METRIC, result

RELATIVE = DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)


@pytest.mark.parametrize(
    ("asked", "output", "expected"),
    [
        (None, RELATIVE, RELATIVE),
        (None, METRIC, METRIC),
        (DepthChoice.RELATIVE, RELATIVE, RELATIVE),
        (DepthChoice.METRIC, METRIC, METRIC),
        (DepthChoice.RELATIVE, METRIC, RELATIVE),
    ],
)
def test_the_wish_decides_where_it_can_be_met(
    asked: DepthChoice | None, output: DepthOutput, expected: DepthOutput
) -> None:
    assert choose_depth(asked, output, name="toy") == expected


def test_metres_are_not_made_up() -> None:
    with pytest.raises(Unusable, match="toy predicts relative inverse depth.*no number of it is"):
        choose_depth(DepthChoice.METRIC, RELATIVE, name="toy")


def test_metres_turned_over() -> None:
    depth_m = np.array([[2.0, 0.5, 0.0, -1.0, np.nan, np.inf]], dtype=np.float32)
    inverse, uncertainty = invert_depth(depth_m, np.full(depth_m.shape, 0.1, dtype=np.float16))
    np.testing.assert_array_equal(inverse, [[0.5, 2.0, *[np.nan] * 4]])
    assert uncertainty is not None
    # d = 2 m +- 0.1 m: 1 / d = 0.5 +- 0.1 / 4
    np.testing.assert_allclose(uncertainty[0, :2], [0.025, 0.4], rtol=2e-3)
    assert invert_depth(depth_m, None)[1] is None


def test_a_metric_model_answers_relatively_with_the_right_words() -> None:
    found = result(Task.DEPTH, bundle={"depth": METRIC}, depth=DepthChoice.RELATIVE)
    depth, uncertainty = found.maps(uncertainty=True)
    np.testing.assert_array_equal(depth.values[0], [1.0, 0.5, 0.25])
    assert (depth.words["convention"], depth.words["unit"]) == ("relative_inverse_depth", "")
    assert depth.words["near_is_large"] is True
    assert (uncertainty.words["of"], uncertainty.words["unit"]) == ("depth", "")
    (own,) = result(Task.DEPTH, bundle={"depth": METRIC}).maps(uncertainty=False)
    assert (own.words["unit"], own.words["near_is_large"]) == ("m", False)
