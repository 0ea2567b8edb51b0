"""One rule for each thing that an image file can be; two decoders agree."""

import io
import struct
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from server.codecs.decode import BACKGROUND, ImageLimits, decode_image
from server.codecs.png import write_png
from server.errors import TooManyPixels, Unusable
from tests.server.codecs.pictures import ANY, photo
from tests.server.codecs.png_files import (
    CHANNELS,
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    png_file,
)
from tests.server.serving import encoded, plain


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_two_decoders_agree(format_: str) -> None:
    data = encoded(photo(), format_)
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert other is not None
    found = decode_image(data, limits=ANY)
    difference = np.abs(found.pixels.astype(int) - other[..., ::-1]).max()
    assert difference <= (0 if format_ == "PNG" else 3)
    assert (found.format, found.stored_size, found.exif_orientation) == (format_, (24, 36), 1)


# Everything that PNG can be: (colour type, bits). Source: the standard's table 11.1.
PNG_KINDS = [
    *((GREY, bits) for bits in (1, 2, 4, 8, 16)),
    *((PALETTE, bits) for bits in (1, 2, 4, 8)),
    *((kind, bits) for kind in (RGB, GREY_ALPHA, RGB_ALPHA) for bits in (8, 16)),
]
COLOURS = np.random.default_rng(1).integers(0, 256, (256, 4), dtype=np.uint8)


def by_the_rules(samples: NDArray[np.uint16], colour_type: int, bits: int) -> NDArray[np.uint8]:
    """What the rules make of samples: written a second time, straight from the text."""
    if colour_type == PALETTE:
        rgba = COLOURS[samples[..., 0]].astype(float)
    else:
        levels = samples >> 8 if bits == 16 else samples * (255 // (2**bits - 1))
        has_alpha = colour_type in (GREY_ALPHA, RGB_ALPHA)
        colours = levels[..., : levels.shape[2] - has_alpha].astype(float)
        alpha = levels[..., -1:] if has_alpha else np.full_like(levels[..., :1], 255)
        rgba = np.concatenate([np.broadcast_to(colours, (*levels.shape[:2], 3)), alpha], axis=2)
    share = rgba[..., 3:] / 255
    return np.floor(rgba[..., :3] * share + BACKGROUND * (1 - share) + 0.5).astype(np.uint8)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(PNG_KINDS), st.booleans())
def test_every_kind_of_png_is_decoded_by_the_rules(
    height: int, width: int, kind: tuple[int, int], interlaced: bool
) -> None:
    colour_type, bits = kind
    shape = (height, width, CHANNELS[colour_type])
    samples = np.random.default_rng(height + 32 * width).integers(0, 2**bits, shape, np.uint16)
    others: list[tuple[bytes, bytes]] = []
    if colour_type == PALETTE:
        colours = COLOURS[: 2**bits]
        others = [(b"PLTE", colours[:, :3].tobytes()), (b"tRNS", colours[:, 3].tobytes())]
    data = png_file(
        samples, colour_type=colour_type, bits=bits, interlaced=interlaced, before_pixels=others
    )
    found = decode_image(data, limits=ANY).pixels
    np.testing.assert_array_equal(found, by_the_rules(samples, colour_type, bits))
    second = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert second is not None
    np.testing.assert_array_equal(found, as_opencv_has_it(second))


def as_opencv_has_it(decoded: NDArray[Any]) -> NDArray[np.uint8]:
    """Blue, green, red, alpha of any depth brought to what we answer, by the same rules."""
    levels = decoded if decoded.dtype == np.uint8 else (decoded >> 8).astype(np.uint8)
    if levels.ndim == 2:
        return np.repeat(levels[..., None], 3, axis=2)
    share = levels[..., 3:] / 255 if levels.shape[2] == 4 else 1.0
    mixed = levels[..., 2::-1] * share + BACKGROUND * (1 - share)
    rounded: NDArray[np.uint8] = np.floor(mixed + 0.5).astype(np.uint8)
    return rounded


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_colour_key_of_grey_is_transparent(bits: int) -> None:
    key, other = 2**bits - 1, 0
    samples = np.array([[[key], [other]]], dtype=np.uint16)
    chunks = [(b"tRNS", struct.pack(">H", key))]
    data = png_file(samples, colour_type=GREY, bits=bits, before_pixels=chunks)
    found = decode_image(data, limits=ANY).pixels
    np.testing.assert_array_equal(found[0], [[BACKGROUND] * 3, [0] * 3])


@pytest.mark.parametrize("bits", [8, 16])
def test_a_colour_key_of_colours_is_transparent(bits: int) -> None:
    key = np.array([1, 2, 3], dtype=np.uint16) << (bits - 8)
    samples = np.stack([key, key + (1 << (bits - 8))])[None]
    chunks = [(b"tRNS", key.astype(">u2").tobytes())]
    data = png_file(samples, colour_type=RGB, bits=bits, before_pixels=chunks)
    found = decode_image(data, limits=ANY).pixels
    np.testing.assert_array_equal(found[0], [[BACKGROUND] * 3, [2, 3, 4]])


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (12_000, 1), (1, 12_000)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_thin_images_are_images(format_: str, size: tuple[int, int]) -> None:
    data = encoded(plain(*size, (90, 90, 90)), format_)
    found = decode_image(data, limits=ANY)
    assert found.size == size
    np.testing.assert_allclose(found.pixels, 90, atol=2)


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 1}])
def test_every_kind_of_jpeg_is_decoded_to_the_same_values_by_pillow(
    options: dict[str, Any],
) -> None:
    data = encoded(photo(61, 87), "JPEG", **options)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(decode_image(data, limits=ANY).pixels, expected)


def test_a_grey_jpeg_is_repeated() -> None:
    data = encoded(photo()[..., 0], "JPEG", quality=95)
    found = decode_image(data, limits=ANY).pixels
    np.testing.assert_allclose(found[..., 0], photo()[..., 0], atol=6)
    assert (found == found[..., :1]).all()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_exif_rotation_is_applied_once(turn: int, format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(photo(), format_, exif=exif.tobytes())
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        as_stored = np.asarray(image.convert("RGB"))
    found = decode_image(data, limits=ANY)
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.exif_orientation == turn
    assert found.stored_size == (24, 36)
    assert found.size == ((36, 24) if turn >= 5 else (24, 36))
    raw = decode_image(data, limits=ANY, orientation="raw")
    np.testing.assert_array_equal(raw.pixels, as_stored)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's; it goes on
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"x"])
def test_a_broken_exif_block_counts_as_none(exif: bytes) -> None:
    found = decode_image(encoded(photo(), "JPEG", exif=exif), limits=ANY)
    assert found.exif_orientation == 1


def test_of_16_bits_the_upper_8_are_kept() -> None:
    grey = np.array([[0x0000, 0x12FF, 0xFFFF]], dtype=np.uint16)
    found = decode_image(write_png(grey), limits=ANY)
    np.testing.assert_array_equal(found.pixels[0], [[0] * 3, [0x12] * 3, [255] * 3])
    colour = np.array([[[0x1234, 0xABCD, 0xFF00]]], dtype=np.uint16)
    found = decode_image(write_png(colour), limits=ANY)
    np.testing.assert_array_equal(found.pixels[0, 0], [0x12, 0xAB, 0xFF])


def test_grey_is_repeated_and_one_bit_is_black_and_white() -> None:
    grey = np.array([[0, 77, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(
        decode_image(encoded(grey), limits=ANY).pixels, grey[..., None].repeat(3, axis=2)
    )
    bits = np.array([[True, False]])
    np.testing.assert_array_equal(
        decode_image(encoded(bits), limits=ANY).pixels[..., 0], [[255, 0]]
    )


def test_alpha_is_laid_over_mid_grey() -> None:
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], dtype=np.uint8)
    found = decode_image(encoded(rgba), limits=ANY).pixels[0]
    np.testing.assert_array_equal(found[0], [200, 100, 0])
    np.testing.assert_array_equal(found[1], [BACKGROUND] * 3)
    mixed = np.array([200, 100, 0]) * 0.2 + BACKGROUND * 0.8
    np.testing.assert_allclose(found[2], mixed, atol=0.5)


def test_palettes_are_looked_up_and_their_transparent_entries_laid_over_grey() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    for transparency, second in ((None, [40, 50, 60]), (1, [BACKGROUND] * 3)):
        file = io.BytesIO()
        image.save(file, "PNG", **({} if transparency is None else {"transparency": transparency}))
        found = decode_image(file.getvalue(), limits=ANY).pixels
        np.testing.assert_array_equal(found[0], [[10, 20, 30], second])


def test_cmyk_comes_out_as_the_colours_it_stands_for() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(file, "JPEG", quality=95)  # red ink
    found = decode_image(file.getvalue(), limits=ANY).pixels
    np.testing.assert_allclose(found[4, 4], [255, 0, 0], atol=4)
    ramp = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    smooth = Image.fromarray(ramp, "CMYK").resize((64, 48), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    smooth.save(file, "JPEG", quality=95)
    second = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert second is not None
    found = decode_image(file.getvalue(), limits=ANY).pixels
    np.testing.assert_allclose(found.astype(int), second[..., ::-1], atol=4)


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(format_: str) -> None:
    frames = [Image.fromarray(plain(8, 8, (level, 0, 0))) for level in (200, 10)]
    file = io.BytesIO()
    options = {"lossless": True} if format_ == "WEBP" else {}
    frames[0].save(file, format_, save_all=True, append_images=frames[1:], **options)
    assert decode_image(file.getvalue(), limits=ANY).pixels[0, 0, 0] == 200


def test_sides_have_limits_of_their_own() -> None:
    limits = ImageLimits(max_pixels=10**6, min_side_px=4, max_side_px=100)
    with pytest.raises(TooManyPixels, match="sides of at most 100 px"):
        decode_image(encoded(plain(8, 101, (0, 0, 0))), limits=limits)
    with pytest.raises(Unusable, match="sides of at least 4 px"):
        decode_image(encoded(plain(8, 3, (0, 0, 0))), limits=limits)
