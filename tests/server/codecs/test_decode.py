"""One rule for each thing that an image file can be; two decoders agree."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image, ImageOps

from server.codecs.decode import BACKGROUND, ImageLimits, decode_image
from server.codecs.image_header import PNG_MAGIC
from server.codecs.png import write_png
from server.errors import MalformedImage, TooManyPixels, Unusable
from tests.server.codecs.png_files import (
    CHANNELS,
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    chunk,
    png_file,
)
from tests.server.serving import encoded, plain

ROOT = Path(__file__).parents[3]

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


def test_pixels_that_end_early_behind_right_checksums_are_refused() -> None:
    """As a program writes them that ran out of disk and then closed its file properly."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    png = encoded(noise)
    at = png.index(b"IDAT") - 4
    content = png[at + 8 : png.rindex(b"IEND") - 8]
    png = png[:at] + chunk(b"IDAT", content[: len(content) // 2]) + chunk(b"IEND", b"")
    webp = encoded(noise, "WEBP", lossless=True)
    half = webp[20 : len(webp) // 2 // 2 * 2]
    sizes = (len(half) + 12).to_bytes(4, "little"), len(half).to_bytes(4, "little")
    webp = webp[:4] + sizes[0] + webp[8:16] + sizes[1] + half
    for data in (png, webp):
        with pytest.raises(MalformedImage):
            decode_image(data, limits=ANY)


def test_a_jpeg_cut_short_and_ended_properly_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for options in ({}, {"progressive": True}):
        data = encoded(noise, "JPEG", **options)
        with pytest.raises(MalformedImage, match="premature end of data"):
            decode_image(data[: len(data) // 2] + b"\xff\xd9", limits=ANY)


def test_a_jpeg_of_thousands_of_scans_is_refused_before_any() -> None:
    data = encoded(photo(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    many = data[:-2] + data[last:-2] * 1000 + data[-2:]
    with pytest.raises(MalformedImage, match="10.. scans, expected at most 64"):
        decode_image(many, limits=ANY)


def bomb(height: int, width: int) -> bytes:
    """A valid PNG of zeros, without holding them."""
    deflate = isal_zlib.compressobj(1)
    rows = bytes(100 * (width + 1))
    assert height % 100 == 0
    pixels = b"".join(deflate.compress(rows) for _ in range(height // 100)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")
    return PNG_MAGIC + b"".join(chunk(kind, content) for kind, content in chunks)


_REFUSE = """
import resource, sys
from server.codecs.decode import ImageLimits, decode_image
from server.errors import TooManyPixels
data = open(sys.argv[1], "rb").read()
before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_image(data, limits=ImageLimits(max_pixels=50_000_000))
except TooManyPixels as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib, error)
"""


def test_a_bomb_is_refused_by_its_header_without_memory(tmp_path: Path) -> None:
    data = bomb(30_000, 30_000)
    assert len(data) < 5_000_000
    file = tmp_path / "bomb.png"
    file.write_bytes(data)
    command = [sys.executable, "-c", _REFUSE, str(file)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    grown_kib, _, message = told.partition(" ")
    assert message.startswith("image is 30000x30000 (HxW), 900.0 Mpx, but this server takes")
    assert int(grown_kib) < 1024  # the pixels would be 900 MB
    tracemalloc.start()
    with pytest.raises(TooManyPixels, match=r"30000x30000 \(HxW\), 900.0 Mpx.*at most 50.0"):
        decode_image(data, limits=ImageLimits(max_pixels=50_000_000))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 100_000


def test_indices_without_a_palette_are_refused() -> None:
    samples = np.zeros((2, 3, 1), dtype=np.uint16)
    data = png_file(samples, colour_type=PALETTE, bits=4)
    with pytest.raises(MalformedImage, match="no pixels or no palette"):
        decode_image(data, limits=ANY)


def test_a_second_header_is_refused() -> None:
    samples = np.zeros((2, 3, 1), dtype=np.uint16)
    second = struct.pack(">IIBBBBB", 9999, 9999, 8, GREY, 0, 0, 0)
    data = png_file(samples, colour_type=GREY, bits=8, after_pixels=[(b"IHDR", second)])
    with pytest.raises(MalformedImage, match="two IHDR chunks"):
        decode_image(data, limits=ANY)


def test_texts_and_profiles_that_unpack_to_gigabytes_are_not_unpacked() -> None:
    zeros = zlib.compress(bytes(2**26), 9)  # 64 MiB in 64 KiB
    samples = np.full((2, 3, 1), 7, dtype=np.uint16)
    data = png_file(
        samples,
        colour_type=GREY,
        bits=8,
        before_pixels=[(b"zTXt", b"a\0\0" + zeros), (b"iCCP", b"a\0\0" + zeros)],
        after_pixels=[(b"iTXt", b"a\0\1\0\0\0" + zeros)],
    )
    tracemalloc.start()
    found = decode_image(data, limits=ANY)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.pixels == 7).all()
    assert peak_bytes < 10 * 2**20  # of a profile up to 4 MiB are looked at


def test_sides_have_limits_of_their_own() -> None:
    limits = ImageLimits(max_pixels=10**6, min_side_px=4, max_side_px=100)
    with pytest.raises(TooManyPixels, match="sides of at most 100 px"):
        decode_image(encoded(plain(8, 101, (0, 0, 0))), limits=limits)
    with pytest.raises(Unusable, match="sides of at least 4 px"):
        decode_image(encoded(plain(8, 3, (0, 0, 0))), limits=limits)
