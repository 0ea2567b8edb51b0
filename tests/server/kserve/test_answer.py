"""Maps as bodies, without a server."""

import gzip
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from server.answers.encode import Payload
from server.kserve.answer import NUMBERS_AT_ONCE, Tensor, write_answer
from server.kserve.compression import deflate_if_it_pays
from server.kserve.outputs import NUMPY_TYPES, OUTPUTS
from server.kserve.wanted import WantedOutput
from tests.server.kserve.tensors_sent import LENGTH, read
from tests.toy_bundle import toy_bundle

BUNDLE = toy_bundle()


def answer(name: str, *maps: NDArray[Any], binary: bool, encoding: str | None = None) -> Payload:
    """Of one output."""
    output = OUTPUTS[name]
    dtype = NUMPY_TYPES[output.datatype]
    predictions = [Prediction(**{name: map_.astype(dtype)}) for map_ in maps]
    tensor = Tensor.of(WantedOutput(output=output, binary=binary), predictions)
    return write_answer([tensor], id_=None, bundle=BUNDLE, encoding=encoding)


def parameters(name: str, *maps: NDArray[Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(name, *maps, binary=False).body)
    return dict(found["outputs"][0]["parameters"])


def test_a_value_that_json_cannot_write_is_null() -> None:
    found = answer("depth", np.array([[1.5, np.nan, np.inf]]), binary=False)
    assert json.loads(found.body)["outputs"][0]["data"] == [1.5, None, None]
    assert LENGTH not in found.headers


def test_long_json_is_written_in_pieces_that_join() -> None:
    depth = np.arange(2 * NUMBERS_AT_ONCE + 5).reshape(1, -1)
    found = answer("depth", depth, depth + 1, binary=False)
    _, maps = read(found.body, found.headers)
    np.testing.assert_array_equal(maps["depth"], np.stack([depth, depth + 1]))


def test_a_cropped_map_is_written_without_what_was_cropped() -> None:
    padded = np.arange(20, dtype=np.float32).reshape(4, 5)
    tensor = Tensor.of(
        WantedOutput(output=OUTPUTS["depth"], binary=True), [Prediction(depth=padded[:2, :3])]
    )
    found = write_answer([tensor], id_=None, bundle=BUNDLE, encoding=None)
    words, maps = read(found.body, found.headers)
    assert words["outputs"][0]["parameters"]["binary_data_size"] == 24
    np.testing.assert_array_equal(maps["depth"], [[[0, 1, 2], [5, 6, 7]]])


@pytest.mark.parametrize(("encoding", "area"), [("gzip", 200), ("gzip", 2**18), ("deflate", 2**18)])
def test_numbers_that_do_not_shrink_are_not_compressed(encoding: str, area: int) -> None:
    noise = np.random.default_rng(0).random((1, area))
    found = answer("depth", noise, binary=True, encoding=encoding)
    assert "Content-Encoding" not in found.headers
    np.testing.assert_array_equal(
        read(found.body, found.headers)[1]["depth"][0], noise.astype(np.float32)
    )


def test_maps_that_are_well_formed_and_suspicious_are_counted_beside_their_unit() -> None:
    slope = np.arange(6.0).reshape(2, 3)
    holed, flat = slope.copy(), np.full((2, 3), 4.0)
    holed[0, 1] = holed[1, 1] = np.nan
    usual = {"unit": "", "convention": "relative_inverse_depth", "near_is_large": True}
    assert parameters("depth", slope) == usual
    assert parameters("depth", slope, holed, flat, flat) == {
        **usual,
        "unknown_pixels": 2,
        "constant_maps": 2,
    }
    assert parameters("depth", np.ones((1, 1))) == usual  # a pixel cannot vary
    ignored = np.array([[0, 255, 255]])
    assert parameters("labels", np.zeros((2, 2))).keys() == {"unit", "classes"}
    assert parameters("labels", ignored)["unknown_pixels"] == 2
    assert parameters("depth_uncertainty", flat).keys() == {"unit", "convention"}


def test_every_part_of_a_long_answer_is_sampled_before_it_is_compressed() -> None:
    plain, noise = bytes(2**20), np.random.default_rng(0).bytes(2**20)
    assert deflate_if_it_pays((plain, noise), "gzip") is not None  # half of it shrinks
    assert deflate_if_it_pays((b"x", noise, noise, noise, noise, plain), "gzip") is None
    parts = (plain[:5], noise[:100_000], plain, plain[:999_999])
    packed = deflate_if_it_pays(parts, "gzip")
    assert packed is not None
    assert gzip.decompress(packed) == b"".join(parts)
