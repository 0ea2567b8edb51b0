"""JPEGs of four inks, as Photoshop writes them, as libraries do, and without a word about it."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from server.codecs.decode import ImageLimits, decode_image
from server.codecs.jpeg import jpeg_segments

LIMITS = ImageLimits(max_pixels=10**6)
ADOBE = 0xEE

Write = Callable[[NDArray[np.uint8]], bytes]


def smooth_ink() -> NDArray[np.uint8]:
    """(h, w, 4), 0 is no ink."""
    coarse = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    return cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def inverted(ink: NDArray[np.uint8]) -> bytes:
    """Adobe's marker, transform 0, ink stored the other way round: Pillow's way."""
    file = io.BytesIO()
    width, height = ink.shape[1], ink.shape[0]
    Image.frombytes("CMYK", (width, height), ink.tobytes()).save(file, "JPEG", quality=95)
    return file.getvalue()


def turned(ink: NDArray[np.uint8]) -> bytes:
    """Adobe's marker, transform 2: as luma, chroma and black (YCCK), Photoshop's way."""
    data: bytes = simplejpeg.encode_jpeg(255 - ink, 95, "CMYK", "444")
    return data


def unmarked(ink: NDArray[np.uint8]) -> bytes:
    data = inverted(ink)
    (adobe,) = (segment for segment in jpeg_segments(data) if segment.marker == ADOBE)
    return data[: adobe.start - 4] + data[adobe.end :]


def transform_of(data: bytes) -> int | None:
    """What Adobe's marker says; None where there is none."""
    found = [segment for segment in jpeg_segments(data) if segment.marker == ADOBE]
    return data[found[0].start + 11] if found else None


@pytest.mark.parametrize(
    ("write", "transform"), [(inverted, 0), (turned, 2), (unmarked, None)], ids=str
)
def test_ink_is_read_as_two_other_decoders_read_it(write: Write, transform: int | None) -> None:
    data = write(smooth_ink())
    assert transform_of(data) == transform
    found = decode_image(data, limits=LIMITS).pixels.astype(int)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_allclose(found, np.asarray(image.convert("RGB")), atol=1)
    second = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert second is not None
    np.testing.assert_allclose(found, second[..., ::-1], atol=6)


@pytest.mark.parametrize("write", [inverted, turned, unmarked])
def test_a_plain_colour_is_that_colour(write: Write) -> None:
    red = np.full((16, 16, 4), (0, 255, 255, 0), dtype=np.uint8)
    found = decode_image(write(red), limits=LIMITS).pixels
    np.testing.assert_allclose(found[8, 8], [255, 0, 0], atol=4)
