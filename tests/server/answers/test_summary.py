"""Maps in numbers, checked by hand."""

import numpy as np
import pytest

from models.bundle import DepthOutput
from models.task import Task
from server.answers.depth_choice import DepthChoice
from server.answers.summary import summarise, summarise_depth, summarise_flow, summarise_labels
from server.codecs.dense_map import DenseMap, depth_map, flow_map, uncertainty_map
from tests.server.answers.results import METRIC, result
from tests.toy_bundle import toy_bundle

RELATIVE = DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)


def doubt(dense: DenseMap, *values: float) -> DenseMap:
    """What the model expects to be off by, for a map of one row."""
    return uncertainty_map(np.array([values], dtype=np.float16), of=dense)


def test_classes_are_listed_by_falling_area() -> None:
    labels = np.array([[3, 3, 0, 255]], dtype=np.uint8)
    confidence = np.array([[0.5, 1.0, 0.25, 0.0]], dtype=np.float16)
    found = summarise_labels(labels, confidence, toy_bundle())
    assert found.known == 0.75
    assert [(c.name, c.area, c.confidence) for c in found.classes] == [
        ("road", 0.5, 0.75),
        ("sky", 0.25, 0.25),
    ]
    assert found.classes[0].colour == (128, 64, 128)


def test_depth_skips_what_is_unknown() -> None:
    depth = np.array([[1.0, 2.0, 6.0, np.nan]], dtype=np.float32)
    found = summarise_depth(depth_map(depth, RELATIVE))
    assert (found.least, found.median, found.greatest, found.known) == (1.0, 2.0, 6.0, 0.75)
    nothing = summarise_depth(depth_map(np.full((2, 2), np.nan, dtype=np.float32), RELATIVE))
    assert (nothing.least, nothing.known, nothing.constant) == (None, 0.0, True)


def test_flow_counts_what_moves() -> None:
    flow = np.array([[[3.0, 4.0], [0.0, 0.0], [0.0, 1.0], [np.nan, 9.0]]], dtype=np.float32)
    found = summarise_flow(flow_map(flow))
    assert found.mean == pytest.approx((1.0, 5 / 3))
    assert found.mean_length == pytest.approx(2.0)
    assert (found.greatest_length, found.moving, found.known) == (5.0, 0.25, 0.75)
    nothing = summarise_flow(flow_map(np.full((1, 1, 2), np.inf, dtype=np.float32)))
    assert (nothing.mean, nothing.known) == (None, 0.0)


def test_uncertainty_is_the_median_of_the_expected_errors() -> None:
    flow = flow_map(np.zeros((1, 5, 2), dtype=np.float32))
    # A mean would be 21: one pixel at the border that nobody can know.
    found = summarise_flow(flow, doubt(flow, 1.0, 100.0, 1.5, 2.0, 0.5))
    assert found.median_uncertainty == 1.5
    depth = depth_map(np.array([[1.0, 2.0]], dtype=np.float32), RELATIVE)
    assert summarise_depth(depth, doubt(depth, 0.25, 0.75)).median_uncertainty == 0.5


def test_uncertainty_of_pixels_without_a_value_does_not_count() -> None:
    flow = flow_map(np.array([[[1, 1], [np.nan, 1], [1, 1], [1, 1]]], dtype=np.float32))
    found = summarise_flow(flow, doubt(flow, 3.0, 40.0, np.inf, 5.0))
    assert found.median_uncertainty == 4.0
    depth = depth_map(np.array([[np.nan, 1.0]], dtype=np.float32), RELATIVE)
    assert summarise_depth(depth, doubt(depth, 7.0, 2.0)).median_uncertainty == 2.0
    assert summarise_depth(depth, doubt(depth, 7.0, np.nan)).median_uncertainty is None


def test_a_model_without_uncertainty_has_none_in_its_summary() -> None:
    depth = depth_map(np.ones((2, 2), dtype=np.float32), RELATIVE)
    assert summarise_depth(depth).median_uncertainty is None
    assert summarise_flow(flow_map(np.ones((2, 2, 2), np.float32))).median_uncertainty is None


def test_the_median_of_a_large_map_is_that_of_a_sample_of_it() -> None:
    height, width = 500, 1000
    ramp = np.linspace(0, 8, height * width, dtype=np.float32).reshape(height, width)
    depth = depth_map(ramp, RELATIVE)
    found = summarise_depth(depth, uncertainty_map((ramp / 2).astype(np.float16), of=depth))
    assert found.median == pytest.approx(4.0, abs=0.001)
    assert found.median_uncertainty == pytest.approx(2.0, abs=0.001)


def test_the_uncertainty_of_metres_answered_relatively_is_in_the_unit_of_the_answer() -> None:
    # Of 1, 2, 4, 0.5 and 8 m, off by 0.5, 0.25, 1, 0.125 and 0.75 m: at 1 / d an error of s / d^2.
    metric = {"depth": METRIC}
    relative = result(Task.DEPTH, bundle=metric, depth=DepthChoice.RELATIVE)
    for answered, expected in ((result(Task.DEPTH, bundle=metric), 0.5), (relative, 0.0625)):
        found = summarise(answered, png=None, maps=None).depth
        assert found is not None
        assert found.median_uncertainty == pytest.approx(expected)
