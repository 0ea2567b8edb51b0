"""Files of which an end is missing, at every byte: 400, and never a part of the image."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from server.codecs.decode import ImageLimits, decode_image
from server.codecs.image_header import PNG_MAGIC
from server.errors import MalformedImage, TooManyPixels, UnsupportedImage, Unusable
from tests.server.serving import encoded, plain

LIMITS = ImageLimits(max_pixels=10**6)
NOISE = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
INK = np.random.default_rng(1).integers(0, 256, (20, 24, 4), dtype=np.uint8)


def moving(format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(pixels) for pixels in (NOISE, 255 - NOISE)]
    frames[0].save(file, format_, save_all=True, append_images=frames[1:], **options)
    return file.getvalue()


def ink_jpeg(ink: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(ink, "CMYK").save(file, "JPEG")
    return file.getvalue()


FILES = {
    "PNG": encoded(NOISE),
    "PNG of one colour": encoded(plain(40, 40, (9, 9, 9))),
    "grey PNG": encoded(NOISE[..., 0]),
    "animated PNG": moving("PNG"),
    "JPEG": encoded(NOISE, "JPEG"),
    "JPEG of one colour": encoded(plain(40, 40, (9, 9, 9)), "JPEG"),
    "progressive JPEG": encoded(NOISE, "JPEG", progressive=True),
    "grey JPEG": encoded(NOISE[..., 0], "JPEG"),
    "ink JPEG": ink_jpeg(INK),
    "WebP": encoded(NOISE, "WEBP"),
    "WebP of one colour": encoded(plain(40, 40, (9, 9, 9)), "WEBP"),
    "lossless WebP": encoded(NOISE, "WEBP", lossless=True),
    "WebP with alpha": encoded(np.dstack([NOISE, NOISE[..., :1]]), "WEBP"),
    "animated WebP": moving("WEBP", lossless=True),
}


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
@pytest.mark.parametrize("name", FILES)
def test_whichever_byte_is_the_last_to_arrive_it_is_400(name: str) -> None:
    data = FILES[name]
    assert decode_image(data, limits=LIMITS).size == (20, 24) or "one colour" in name
    for length in range(1, len(data)):
        with pytest.raises(MalformedImage) as error:
            decode_image(data[:length], limits=LIMITS)
        assert error.value.status == 400
        assert 20 < len(str(error.value)) < 300, "a short reason"


@pytest.mark.parametrize("name", [name for name in FILES if "PNG" in name])
def test_every_byte_of_a_png_is_under_a_checksum(name: str) -> None:
    data = FILES[name]
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        with pytest.raises((MalformedImage, UnsupportedImage, TooManyPixels, Unusable)) as error:
            decode_image(bytes(damaged), limits=LIMITS)
        is_magic = at < len(PNG_MAGIC)
        assert isinstance(error.value, UnsupportedImage) == is_magic
