"""Maps as bodies, without a server."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from server.kserve.answer import NUMBERS_AT_ONCE, write_answer
from server.kserve.order import InferOrder, WantedOutput
from server.kserve.outputs import OUTPUTS
from tests.server.kserve.tensors_sent import LENGTH, read
from tests.toy_bundle import toy_bundle

BUNDLE = toy_bundle()


def order(*outputs: tuple[str, bool]) -> InferOrder:
    return InferOrder(
        id=None,
        images=(),
        next_images=(),
        outputs=tuple(WantedOutput(output=OUTPUTS[name], binary=b) for name, b in outputs),
        orientation="display",
        priority=0,
        timeout_s=None,
        num_pixels=0,
    )


def depths(*maps: NDArray[Any]) -> list[Prediction]:
    return [Prediction(depth=map_.astype(np.float32)) for map_ in maps]


def test_a_value_that_json_cannot_write_is_null() -> None:
    found = write_answer(
        order(("depth", False)),
        depths(np.array([[1.5, np.nan, np.inf]])),
        bundle=BUNDLE,
        encoding=None,
    )
    assert json.loads(found.body)["outputs"][0]["data"] == [1.5, None, None]
    assert LENGTH not in found.headers


def test_long_json_is_written_in_pieces_that_join() -> None:
    depth = np.arange(2 * NUMBERS_AT_ONCE + 5).reshape(1, -1)
    found = write_answer(
        order(("depth", False)), depths(depth, depth + 1), bundle=BUNDLE, encoding=None
    )
    _, maps = read(found.body, found.headers)
    np.testing.assert_array_equal(maps["depth"], np.stack([depth, depth + 1]))


def test_a_cropped_map_is_written_without_what_was_cropped() -> None:
    padded = np.arange(20, dtype=np.float32).reshape(4, 5)
    found = write_answer(
        order(("depth", True)), [Prediction(depth=padded[:2, :3])], bundle=BUNDLE, encoding=None
    )
    words, maps = read(found.body, found.headers)
    assert words["outputs"][0]["parameters"]["binary_data_size"] == 24
    np.testing.assert_array_equal(maps["depth"], [[[0, 1, 2], [5, 6, 7]]])


@pytest.mark.parametrize(("encoding", "area"), [("gzip", 200), ("gzip", 2**18), ("deflate", 2**18)])
def test_numbers_that_do_not_shrink_are_not_compressed(encoding: str, area: int) -> None:
    noise = np.random.default_rng(0).random((1, area))
    found = write_answer(order(("depth", True)), depths(noise), bundle=BUNDLE, encoding=encoding)
    assert "Content-Encoding" not in found.headers
    np.testing.assert_array_equal(
        read(found.body, found.headers)[1]["depth"][0], noise.astype(np.float32)
    )
