"""Maps as arrays: half the bytes where that keeps them right."""

import numpy as np
import pytest

from models.bundle import DepthOutput
from server.codecs.dense_map import depth_map, labels_map
from server.codecs.raw_arrays import Dtype, raw_array
from tests.toy_bundle import toy_bundle

METRIC = DepthOutput(convention="metric", unit="m", near_is_large=False)


@pytest.mark.parametrize(
    ("greatest", "dtype", "expected"),
    [
        (65504.0, Dtype.FLOAT16, "float16"),
        (65505.0, Dtype.FLOAT16, "float32"),  # it would be infinite
        (-65505.0, Dtype.FLOAT16, "float32"),
        (np.nan, Dtype.FLOAT16, "float16"),
        (1.0, Dtype.FLOAT32, "float32"),
    ],
)
def test_float16_is_taken_where_every_value_fits(
    greatest: float, dtype: Dtype, expected: str
) -> None:
    values = np.array([[1.0, greatest]], dtype=np.float32)
    raw = raw_array(depth_map(values, METRIC), dtype)
    assert raw.values.dtype.name == raw.meta["dtype"] == expected
    np.testing.assert_array_equal(raw.values.astype(np.float32), values)


def test_an_array_says_how_to_read_it() -> None:
    values = np.array([[2.0, np.nan]], dtype=np.float32)
    assert raw_array(depth_map(values, METRIC), Dtype.FLOAT32).meta == {
        "task": "depth",
        "convention": "metric",
        "unit": "m",
        "near_is_large": False,
        "invalid": "not finite",
        "dtype": "float32",
        "shape": [1, 2],
        "scale": 1,
        "offset": 0,
        "least": 2.0,
        "greatest": 2.0,
        "unknown_pixels": 1,
        "constant": True,
    }


def test_labels_stay_as_they_are() -> None:
    labels = np.array([[0, 7]], dtype=np.uint8)
    raw = raw_array(labels_map(labels, toy_bundle()), Dtype.FLOAT16)
    assert raw.values is labels
    assert (raw.meta["dtype"], raw.meta["invalid"]) == ("uint8", 255)
