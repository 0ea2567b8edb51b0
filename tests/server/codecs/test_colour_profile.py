"""Profiles whose effect is computed by hand."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from server.codecs.colour_profile import ink_to_srgb, to_srgb
from server.codecs.decode import ImageLimits, decode_image
from tests.server.codecs import icc_files
from tests.server.serving import encoded, plain

ANY = ImageLimits(max_pixels=10**6)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def srgb_of_light(light: float) -> float:
    """IEC 61966-2-1: 0 to 255."""
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("level", [0, 1, 20, 128, 255])
def test_light_becomes_srgb(level: int) -> None:
    expected = srgb_of_light(level / 255)
    grey = plain(2, 3, (level, level, level))
    np.testing.assert_allclose(to_srgb(grey, icc_files.linear_rgb()), expected, atol=2)
    np.testing.assert_allclose(to_srgb(grey, icc_files.linear_grey()), expected, atol=2)


def test_swapped_primaries_swap_colours() -> None:
    profile = icc_files.linear_rgb(red=icc_files.GREEN, green=icc_files.RED)
    found = to_srgb(plain(1, 1, (255, 0, 0)), profile)
    np.testing.assert_allclose(found[0, 0], [0, 255, 0], atol=2)


def test_ink_goes_by_its_profile() -> None:
    ink = np.full((2, 3, 4), (10, 200, 30, 40), dtype=np.uint8)
    found = ink_to_srgb(ink, icc_files.ink_that_is_always_mid_grey())
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found, 119, atol=2)
    by_formula = np.asarray(Image.new("CMYK", (3, 2), (10, 200, 30, 40)).convert("RGB"))
    np.testing.assert_array_equal(ink_to_srgb(ink, b""), by_formula)


@pytest.mark.parametrize(
    "profile",
    [b"", b"x" * 500, SRGB, SRGB[:200], icc_files.ink_that_is_always_mid_grey()],
    ids=["none", "garbage", "sRGB", "cut off", "of another kind"],
)
def test_what_changes_nothing_or_cannot_be_read_leaves_the_pixels(profile: bytes) -> None:
    pixels = plain(2, 2, (10, 130, 250))
    assert to_srgb(pixels, profile) is pixels


def with_profile(format_: str, profile: bytes) -> bytes:
    options: dict[str, Any] = {"lossless": True} if format_ == "WEBP" else {"quality": 100}
    return encoded(plain(16, 16, (128, 128, 128)), format_, icc_profile=profile, **options)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_every_format_carries_profiles(format_: str) -> None:
    found = decode_image(with_profile(format_, icc_files.linear_rgb()), limits=ANY).pixels
    np.testing.assert_allclose(found, srgb_of_light(128 / 255), atol=2)
    unchanged = decode_image(with_profile(format_, SRGB), limits=ANY).pixels
    np.testing.assert_allclose(unchanged, 128, atol=1)


def test_an_ink_jpeg_goes_by_its_profile() -> None:
    file = io.BytesIO()
    profile = icc_files.ink_that_is_always_mid_grey()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(file, "JPEG", icc_profile=profile)
    np.testing.assert_allclose(decode_image(file.getvalue(), limits=ANY).pixels, 119, atol=2)


def test_a_profile_in_several_segments_is_put_together() -> None:
    """A segment holds 64 KiB, a printing press's profile more."""
    long = icc_files.linear_rgb() + bytes(150_000)
    long = len(long).to_bytes(4, "big") + long[4:]
    found = decode_image(with_profile("JPEG", long), limits=ANY).pixels
    np.testing.assert_allclose(found, srgb_of_light(128 / 255), atol=2)


def test_alpha_is_laid_over_grey_after_the_colours_are_converted() -> None:
    rgba: NDArray[np.uint8] = np.full((1, 1, 4), 128, dtype=np.uint8)
    data = encoded(rgba, icc_profile=icc_files.linear_rgb())
    mixed = (srgb_of_light(128 / 255) * 128 + 128 * 127) / 255
    np.testing.assert_allclose(decode_image(data, limits=ANY).pixels, mixed, atol=2)
