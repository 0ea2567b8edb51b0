"""Images that are damaged, cut short or bombs: refused, whatever the checksums say."""

import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from isal import isal_zlib

from server.codecs.decode import ImageLimits, decode_image
from server.codecs.image_header import PNG_MAGIC
from server.errors import MalformedImage, TooManyPixels
from tests.server.codecs.pictures import ANY, photo
from tests.server.codecs.png_files import GREY, PALETTE, chunk, png_file
from tests.server.serving import encoded

ROOT = Path(__file__).parents[3]


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
