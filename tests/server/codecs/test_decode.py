"""One rule for each thing that an image file can be; two decoders agree."""

import io
import struct
import time
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from server.codecs.decode import BACKGROUND, ImageLimits, decode_image
from server.codecs.image_header import PNG_MAGIC
from server.codecs.png import write_png
from server.errors import MalformedImage, TooManyPixels, Unusable
from tests.server.serving import encoded, plain

ANY = ImageLimits(max_pixels=10**6)


def photo(height: int = 24, width: int = 36) -> NDArray[np.uint8]:
    """Smooth, and different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [x * 255 / width, y * 255 / height, (x + y) * 255 / (height + width)]
    return np.stack(channels, axis=2).astype(np.uint8)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_two_decoders_agree(format_: str) -> None:
    data = encoded(photo(), format_)
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert other is not None
    found = decode_image(data, limits=ANY)
    difference = np.abs(found.pixels.astype(int) - other[..., ::-1]).max()
    assert difference <= (0 if format_ == "PNG" else 3)
    assert (found.format, found.stored_size, found.exif_orientation) == (format_, (24, 36), 1)


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


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(format_: str) -> None:
    frames = [Image.fromarray(plain(8, 8, (level, 0, 0))) for level in (200, 10)]
    file = io.BytesIO()
    options = {"lossless": True} if format_ == "WEBP" else {}
    frames[0].save(file, format_, save_all=True, append_images=frames[1:], **options)
    assert decode_image(file.getvalue(), limits=ANY).pixels[0, 0, 0] == 200


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_one_pixel_is_an_image(format_: str) -> None:
    data = encoded(plain(1, 1, (90, 90, 90)), format_)
    np.testing.assert_allclose(decode_image(data, limits=ANY).pixels, 90, atol=2)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.9])
def test_half_an_image_is_refused(format_: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(noise, format_)
    with pytest.raises(MalformedImage):
        decode_image(data[: int(len(data) * kept)], limits=ANY)


def test_every_flipped_byte_of_a_png_is_noticed() -> None:
    data = bytearray(encoded(photo(5, 7)))
    for at in range(len(PNG_MAGIC) + 8, len(data)):
        broken = data.copy()
        broken[at] ^= 0x55
        with pytest.raises((MalformedImage, TooManyPixels)):
            decode_image(bytes(broken), limits=ANY)


def test_random_damage_to_a_jpeg_never_escapes_the_error_tree() -> None:
    data = encoded(photo(), "JPEG")
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(data)
        for at in rng.integers(2, len(data), 3):
            broken[at] = rng.integers(256)
        try:
            decode_image(bytes(broken), limits=ANY)
        except (MalformedImage, TooManyPixels):
            continue


def bomb(height: int, width: int) -> bytes:
    """A valid PNG of zeros, without holding them."""
    deflate = zlib.compressobj(1)
    row = bytes(width + 1)
    pixels = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", pixels),
        (b"IEND", b""),
    ]
    return PNG_MAGIC + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_a_bomb_is_refused_by_its_header_in_10_ms_without_memory() -> None:
    data = bomb(12_000, 12_000)
    limits, seconds = ImageLimits(max_pixels=50_000_000), []
    tracemalloc.start()
    for _ in range(5):  # the best of five: other programs share these cores
        started_s = time.perf_counter()
        with pytest.raises(TooManyPixels, match=r"12000x12000 \(HxW\), 144.0 Mpx.*at most 50.0"):
            decode_image(data, limits=limits)
        seconds.append(time.perf_counter() - started_s)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert min(seconds) < 0.010
    assert peak_bytes < 100_000


def test_sides_have_limits_of_their_own() -> None:
    limits = ImageLimits(max_pixels=10**6, min_side_px=4, max_side_px=100)
    with pytest.raises(TooManyPixels, match="sides of at most 100 px"):
        decode_image(encoded(plain(8, 101, (0, 0, 0))), limits=limits)
    with pytest.raises(Unusable, match="sides of at least 4 px"):
        decode_image(encoded(plain(8, 3, (0, 0, 0))), limits=limits)
