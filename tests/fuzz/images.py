"""Images of every kind to begin with, and what must hold for whatever becomes of them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from server.codecs.decode import ImageLimits, decode_image
from server.codecs.image_header import PNG_MAGIC
from server.errors import MalformedImage, TooManyPixels, UnsupportedImage, Unusable
from tests.server.codecs import icc_files
from tests.server.codecs.png_files import CHANNELS, PALETTE, png_file

LIMITS = ImageLimits(max_pixels=250_000, min_side_px=2, max_side_px=5000)
DOCUMENTED = (MalformedImage, TooManyPixels, Unusable, UnsupportedImage)


def corpus() -> list[bytes]:
    """Small files, so that a mutation hits something."""
    picture = _picture()
    exif = Image.Exif()
    exif[0x0112] = 6
    extras = {"exif": exif.tobytes(), "icc_profile": icc_files.linear_rgb()}
    files = [
        _saved(picture, "JPEG", **extras),
        _saved(picture, "JPEG", progressive=True, comment=b"hello"),
        _saved(picture.convert("L"), "JPEG"),
        _saved(
            picture.convert("CMYK"), "JPEG", icc_profile=icc_files.ink_that_is_always_mid_grey()
        ),
        _saved(picture, "WEBP", **extras),
        _saved(picture.convert("RGBA"), "WEBP", lossless=True),
        _saved(picture, "WEBP", save_all=True, append_images=[picture.rotate(90)]),
        _saved(picture, "PNG", **extras),
        _saved(picture, "PNG", save_all=True, append_images=[picture.rotate(90)]),
    ]
    for colour_type, bits in ((0, 1), (0, 16), (PALETTE, 4), (2, 16), (4, 8), (6, 16)):
        shape = (9, 11, CHANNELS[colour_type])
        samples = np.random.default_rng(bits).integers(0, 2**bits, shape, np.uint16)
        palette = [(b"PLTE", bytes(range(48)))] if colour_type == PALETTE else []
        key = {0: [(b"tRNS", b"\0\1")], 2: [(b"tRNS", b"\0\1" * 3)], PALETTE: [(b"tRNS", b"\0")]}
        files += [
            png_file(
                samples,
                colour_type=colour_type,
                bits=bits,
                interlaced=interlaced,
                before_pixels=palette + key.get(colour_type, []),
            )
            for interlaced in (False, True)
        ]
    return files


def check(data: bytes) -> None:
    """An image comes out, or one of the errors that are documented; else this raises.

    Both from the bytes as they are and with their checksums put right.
    """
    _check(data)
    _check(with_checksums(data))


def _check(data: bytes) -> None:
    try:
        image = decode_image(data, limits=LIMITS)
    except DOCUMENTED as error:
        if not 20 < len(str(error)) < 400:
            raise AssertionError(f"not a short reason: {error}") from error
        return
    height, width = image.size
    assert image.pixels.shape == (height, width, 3)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.flags.c_contiguous
    assert sorted(image.size) == sorted(image.stored_size)
    assert height * width <= LIMITS.max_pixels
    assert image.exif_orientation in range(1, 9)


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks match their content again: what is behind the checksums is reached."""
    if not data.startswith(PNG_MAGIC):
        return data
    fixed, at = bytearray(data), len(PNG_MAGIC)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        fixed[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(fixed)


def _picture() -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((37, 29), Image.Resampling.BICUBIC)


def _saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()
