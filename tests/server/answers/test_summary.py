"""Maps in numbers, checked by hand."""

import numpy as np
import pytest

from models.bundle import DepthOutput
from server.answers.summary import summarise_depth, summarise_flow, summarise_labels
from server.codecs.dense_map import depth_map, flow_map
from tests.toy_bundle import toy_bundle

RELATIVE = DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)


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
