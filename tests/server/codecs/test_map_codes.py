"""Maps as integers: reading them back by their own words gives the values."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import DepthOutput
from server.codecs.map_codes import code_depth, code_flow, code_labels
from tests.toy_bundle import toy_bundle

METRIC = DepthOutput(convention="metric", unit="m", near_is_large=False)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_depth_reads_back_to_half_a_step(low: float, width: float) -> None:
    depth = (low + width * np.random.default_rng(0).random((6, 7))).astype(np.float32)
    depth[2, 3] = np.nan
    coded = code_depth(depth, METRIC)
    scale, offset = float(str(coded.meta["scale"])), float(str(coded.meta["offset"]))
    read = coded.codes.astype(np.float64) * scale + offset
    known = np.isfinite(depth)
    np.testing.assert_array_equal(coded.codes == coded.meta["invalid"], ~known)
    # float32 differences of values far from zero lose digits of their own
    slack = 0.51 * scale + 2e-7 * (abs(low) + width)
    np.testing.assert_allclose(read[known], depth[known], rtol=0, atol=slack)


def test_the_range_of_codes_is_used_to_its_ends() -> None:
    coded = code_depth(np.array([[2.0, 4.0, 3.0]], dtype=np.float32), METRIC)
    np.testing.assert_array_equal(coded.codes, [[1, 65535, 32768]])
    assert (coded.meta["unit"], coded.meta["near_is_large"]) == ("m", False)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([7.0, 7.0], [1, 1]),
        ([np.nan, np.inf], [0, 0]),
        ([-3.4e38, 3.4e38], [1, 65535]),
        ([0.0, 1e-45], [1, 65535]),
        ([np.nan, 5.0], [0, 1]),
    ],
)
def test_constant_unknown_and_extreme_depth_is_safe(values: list[float], codes: list[int]) -> None:
    coded = code_depth(np.array([values], dtype=np.float32), METRIC)
    np.testing.assert_array_equal(coded.codes, [codes])


def test_flow_is_kittis_format() -> None:
    # Development kit of KITTI 2015: value = (code - 2^15) / 64, third channel 1 where known.
    flow = np.array([[[1.0, -2.5], [np.nan, 0.0], [600.0, 0.0], [-511.0, 511.0]]], np.float32)
    coded = code_flow(flow)
    np.testing.assert_array_equal(
        coded.codes[0],
        [[32832, 32608, 1], [0, 0, 0], [0, 0, 0], [64, 65472, 1]],
    )
    read = cv2.imdecode(np.frombuffer(coded.png({}), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read[..., ::-1], coded.codes)  # OpenCV reverses channels


def test_labels_are_their_own_codes_and_bring_their_words() -> None:
    labels = np.array([[0, 255]], dtype=np.uint8)
    coded = code_labels(labels, toy_bundle())
    assert coded.codes is labels
    assert coded.meta["invalid"] == 255
    assert coded.palette is not None
    np.testing.assert_array_equal(coded.palette[3], [128, 64, 128])
