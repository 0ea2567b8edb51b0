"""Our PNG files are read back by other people's readers."""

import io
import json
from typing import Any

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.image.palette import CAMVID_PALETTE, colour_table
from server.codecs.png import write_png


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3]), st.booleans())
def test_opencv_reads_back_every_kind(height: int, width: int, channels: int, deep: bool) -> None:
    dtype: Any = np.uint16 if deep else np.uint8
    shape = (height, width, 3) if channels == 3 else (height, width)
    pixels = np.random.default_rng(height * 32 + width).integers(
        0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True
    )
    found = cv2.imdecode(np.frombuffer(write_png(pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[..., ::-1] if channels == 3 else found, pixels)


def test_pillow_reads_back_indices_and_their_colours() -> None:
    labels = np.array([[0, 3, 255], [10, 1, 2]], dtype=np.uint8)
    table = colour_table(CAMVID_PALETTE)
    with Image.open(io.BytesIO(write_png(labels, palette=table))) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), labels)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), table[labels])


def test_meta_travels_in_a_text_chunk() -> None:
    pixels = np.zeros((2, 2), dtype=np.uint16)
    with Image.open(io.BytesIO(write_png(pixels, meta={"unit": "m", "name": "Straße"}))) as image:
        assert isinstance(image.info["anyres"], str)
        assert json.loads(image.info["anyres"]) == {"unit": "m", "name": "Straße"}


def test_pixels_that_are_not_contiguous_are_written_as_they_look() -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)[:, ::2]
    found = cv2.imdecode(np.frombuffer(write_png(pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found, pixels)
