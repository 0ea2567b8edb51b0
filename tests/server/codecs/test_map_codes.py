"""Maps as integers: reading them back by their own words gives the values."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bundle import DepthOutput
from server.codecs.dense_map import depth_map, flow_map, labels_map, uncertainty_map
from server.codecs.map_codes import CodedMap, code_map
from tests.toy_bundle import toy_bundle

METRIC = DepthOutput(convention="metric", unit="m", near_is_large=False)


def code_depth(depth: NDArray[np.float32]) -> CodedMap:
    return code_map(depth_map(depth, METRIC))


def code_flow(flow: NDArray[np.float32]) -> CodedMap:
    return code_map(flow_map(flow))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_depth_reads_back_to_half_a_step(low: float, width: float) -> None:
    depth = (low + width * np.random.default_rng(0).random((6, 7))).astype(np.float32)
    depth[2, 3] = np.nan
    coded = code_depth(depth)
    scale, offset = float(str(coded.meta["scale"])), float(str(coded.meta["offset"]))
    read = coded.codes.astype(np.float64) * scale + offset
    known = np.isfinite(depth)
    np.testing.assert_array_equal(coded.codes == coded.meta["invalid"], ~known)
    # float32 differences of values far from zero lose digits of their own
    slack = 0.51 * scale + 2e-7 * (abs(low) + width)
    np.testing.assert_allclose(read[known], depth[known], rtol=0, atol=slack)


def test_the_range_of_codes_is_used_to_its_ends() -> None:
    coded = code_depth(np.array([[2.0, 4.0, 3.0]], dtype=np.float32))
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
    coded = code_depth(np.array([values], dtype=np.float32))
    np.testing.assert_array_equal(coded.codes, [codes])


def test_flow_is_kittis_format() -> None:
    # Development kit of KITTI 2015: value = (code - 2^15) / 64, third channel 1 where known.
    flow = np.array([[[1.0, -2.5], [np.nan, 0.0], [600.0, 0.0], [-511.0, 511.0]]], np.float32)
    coded = code_flow(flow)
    np.testing.assert_array_equal(
        coded.codes[0],
        [[32832, 32608, 1], [0, 0, 0], [0, 0, 0], [64, 65472, 1]],
    )
    assert (coded.meta["unknown_pixels"], coded.meta["invalid"]) == (2, "known is 0")
    file = b"".join(coded.png({}))
    read = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read[..., ::-1], coded.codes)  # OpenCV reverses channels


def test_labels_are_their_own_codes_and_bring_their_words() -> None:
    labels = np.array([[0, 255]], dtype=np.uint8)
    coded = code_map(labels_map(labels, toy_bundle()))
    assert coded.codes is labels
    assert coded.meta["invalid"] == 255
    assert coded.palette is not None
    np.testing.assert_array_equal(coded.palette[3], [128, 64, 128])


def test_maps_larger_than_a_block_are_coded_like_small_ones() -> None:
    rng = np.random.default_rng(0)
    depth = rng.random((70, 1000), dtype=np.float32)
    depth[0, 0], depth[0, 1], depth[69, 999] = 0, 1, np.nan
    coded = code_depth(depth).codes
    expected = np.floor(np.nan_to_num(depth).astype(np.float64) * 65534 + 1.5)
    assert np.abs(coded[:, :999] - expected[:, :999]).max() <= 1
    assert (coded[0, 0], coded[0, 1], coded[69, 999]) == (1, 65535, 0)
    flow = rng.normal(0, 50, (70, 1000, 2)).astype(np.float32)
    codes = code_flow(flow).codes
    assert (codes[..., 2] == 1).all()
    np.testing.assert_allclose(codes[..., :2] / 64 - 512, flow, rtol=0, atol=1 / 128 + 1e-4)


def test_uncertainty_is_coded_in_its_own_range_and_says_whose_it_is() -> None:
    depth = depth_map(np.ones((1, 3), dtype=np.float32), METRIC)
    uncertainty = uncertainty_map(np.array([[0.5, 1.0, 0.75]], dtype=np.float16), of=depth)
    coded = code_map(uncertainty)
    np.testing.assert_array_equal(coded.codes, [[1, 65535, 32768]])
    words = {name: coded.meta[name] for name in ("task", "of", "unit", "higher_is", "constant")}
    assert words == {
        "task": "depth",
        "of": "depth",
        "unit": "m",
        "higher_is": "worse",
        "constant": False,
    }
