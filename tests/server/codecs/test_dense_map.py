"""What is in a map: counted, and safe where there is nothing."""

import numpy as np
import pytest

from server.codecs.dense_map import DenseMap, flow_map, labels_map, range_of
from tests.toy_bundle import toy_bundle

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("values", "least", "greatest", "unknown", "constant"),
    [
        ([1.0, 2.0, -3.0], -3.0, 2.0, 0, False),
        ([1.0, NAN, 2.0], 1.0, 2.0, 1, False),
        ([INF, 5.0, -INF], 5.0, 5.0, 2, True),
        ([NAN, NAN, NAN], None, None, 3, True),
        ([4.0, 4.0, 4.0], 4.0, 4.0, 0, True),
        ([0.0, -0.0, 0.0], 0.0, 0.0, 0, True),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_range_skips_what_is_unknown(
    values: list[float],
    least: float | None,
    greatest: float | None,
    unknown: int,
    constant: bool,
    dtype: type[np.floating],
) -> None:
    found = range_of(np.array([values], dtype=dtype))
    assert (found.least, found.greatest) == (least, greatest)
    assert (found.num_unknown, found.is_constant) == (unknown, constant)


def test_a_vector_is_unknown_if_a_part_of_it_is() -> None:
    flow = np.array([[[1, 2], [NAN, 9], [1, 2]]], dtype=np.float32)
    found = flow_map(flow).range
    assert (found.least, found.greatest, found.num_unknown, found.is_constant) == (1, 2, 1, True)


def test_one_other_vector_far_down_is_not_overlooked() -> None:
    flow = np.ones((60, 50, 2), dtype=np.float32)
    assert flow_map(flow).range.is_constant
    flow[59, 49, 1] = 2
    assert not flow_map(flow).range.is_constant


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([3, 5, 3], (3, 5, 0, False)), ([3, 255, 3], (3, 3, 1, True)), ([255], (None, None, 1, True))],
)
def test_labels_without_a_class_are_unknown(
    labels: list[int], expected: tuple[int | None, int | None, int, bool]
) -> None:
    found = labels_map(np.array([labels], dtype=np.uint8), toy_bundle()).range
    assert (found.least, found.greatest, found.num_unknown, found.is_constant) == expected


def test_the_range_is_looked_for_once() -> None:
    dense: DenseMap = flow_map(np.zeros((2, 2, 2), dtype=np.float32))
    assert dense.range is dense.range
