"""Format and size from the first bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.codecs.image_header import PNG_MAGIC, read_header
from server.errors import MalformedImage, UnsupportedImage
from tests.server.serving import encoded, plain

side = st.integers(1, 300)


@given(side, side, st.sampled_from(["JPEG", "PNG", "WEBP"]), st.booleans())
def test_the_size_is_read_from_every_format(
    height: int, width: int, format_: str, lossless: bool
) -> None:
    options = {"lossless": lossless} if format_ == "WEBP" else {}
    data = encoded(plain(height, width, (1, 2, 3)), format_, **options)
    header = read_header(data)
    assert (header.format, header.size) == (format_, (height, width))


def test_a_progressive_jpeg_and_an_extended_webp_have_sizes_too() -> None:
    image = plain(30, 20, (1, 2, 3))
    assert read_header(encoded(image, "JPEG", progressive=True)).size == (30, 20)
    rgba = np.dstack([image, image[..., :1]])
    assert read_header(encoded(rgba, "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")).size == (30, 20)


def test_a_jpeg_thumbnail_is_not_mistaken_for_the_image() -> None:
    thumbnail = encoded(plain(5, 6, (0, 0, 0)), "JPEG")
    data = encoded(plain(50, 60, (0, 0, 0)), "JPEG", exif=b"Exif\0\0" + thumbnail)
    assert read_header(data).size == (50, 60)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_header_that_is_cut_off_says_so(format_: str) -> None:
    data = encoded(plain(9, 9, (1, 2, 3)), format_)
    for length in (12, 16, 22):
        with pytest.raises(MalformedImage, match="cut off or broken"):
            read_header(data[:length])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"GIF89a....", "GIF"),
        (b"BM\x46\0\0\0\0\0", "BMP"),
        (b"II*\0....", "TIFF"),
        (b"MM\0*....", "TIFF"),
        (b"II+\0....", "TIFF"),  # BigTIFF
        (b"8BPS\0\1....", "Photoshop"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\xc5\xd0\xd3\xc6....", "PostScript"),  # EPS with a preview
        (b"SIMPLE  =                    T", "FITS"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),  # without a container
        (b"\xff\x0a....", "JPEG XL"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns=", "SVG"),
        (b"<?xml version=", "XML"),
        (b"PK\x03\x04....", "ZIP"),
        (b"\x80\x04\x95....", "unknown format"),  # a pickle
        (b"\x93NUMPY....", "unknown format"),
        (b"http://localhost/image.png", "unknown format"),
        (b"../../etc/passwd", "unknown format"),
        (b"\0\0\0\x20ftypheic", "HEIF, AVIF"),
        (b"", "empty"),
        (b"hello, world", "unknown format"),
        (b"RIFF\0\0\0\0WAVE", "unknown format"),
    ],
)
def test_other_formats_are_named_and_refused(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=rf"{name}.*expected JPEG, PNG or WebP"):
        read_header(data)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_few_first_bytes_of_a_known_format_are_a_cut_file_not_another_format(
    format_: str,
) -> None:
    data = encoded(plain(9, 9, (1, 2, 3)), format_)
    for length in range(1, 12):
        with pytest.raises(MalformedImage, match="send the whole file"):
            read_header(data[:length])
    with pytest.raises(UnsupportedImage):
        read_header(data[:1] + b"?")


def test_a_side_of_zero_is_refused() -> None:
    data = PNG_MAGIC + struct.pack(">I4sII", 13, b"IHDR", 0, 7) + bytes(20)
    with pytest.raises(MalformedImage, match="7x0"):
        read_header(data)


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", PNG_MAGIC, b"RIFF0000WEBP"]))
def test_no_bytes_can_break_the_reader(tail: bytes, magic: bytes) -> None:
    try:
        header = read_header(magic + tail)
    except MalformedImage:
        return
    assert min(header.size) >= 1
