"""Small files that would cost much: refused before that, by what their first bytes say."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from server.codecs import image_header
from server.codecs.decode import ImageLimits, decode_image
from server.codecs.image_header import PNG_MAGIC, read_header
from server.codecs.jpeg import MAX_MARKERS
from server.codecs.png_file import MAX_CHUNKS
from server.errors import MalformedImage, ServerError, TooManyPixels
from tests.server.codecs.png_files import chunk
from tests.server.codecs.webp_files import animated, extended, lossless
from tests.server.serving import encoded, plain

LIMITS = ImageLimits(max_pixels=50_000_000)
JPEG = encoded(plain(16, 16, (1, 2, 3)), "JPEG")


def jpeg_that_says(height: int, width: int) -> bytes:
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


def png_that_says(height: int, width: int, pixels: bytes, *, interlaced: bool = False) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    chunks = (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")
    return PNG_MAGIC + b"".join(chunk(kind, content) for kind, content in chunks)


def refused(data: bytes) -> tuple[type[ServerError], str, int]:
    """With which error, and how much memory that took at most."""
    with pytest.raises(ServerError):
        decode_image(data, limits=LIMITS)  # whatever is imported or cached first
    tracemalloc.start()
    try:
        with pytest.raises(ServerError) as error:
            decode_image(data, limits=LIMITS)
        return error.type, str(error.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (png_that_says(30_000, 30_000, zlib.compress(bytes(10**6))), "30000x30000 (HxW), 900.0"),
        (png_that_says(2**31 - 1, 2**31 - 1, b""), "2147483647x2147483647 (HxW)"),
        (png_that_says(30_000, 30_000, b"", interlaced=True), "30000x30000 (HxW), 900.0"),
        (jpeg_that_says(65_500, 65_500), "65500x65500 (HxW), 4290.2"),
        (lossless(16_383, 16_383), "16383x16383 (HxW), 268.4"),
        (extended(2**24, 2**24), "16777216x16777216 (HxW)"),
        (animated(65_536, 65_536), "65536x65536 (HxW), 4295.0"),
    ],
    ids=["PNG", "largest PNG", "interlaced PNG", "JPEG", "WebP", "WebP canvas", "animated WebP"],
)
def test_a_size_beyond_the_limit_is_refused_before_any_decoder_sees_the_file(
    data: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    error, message, peak_bytes = refused(data)
    assert error is TooManyPixels
    assert message.startswith(f"image is {says}")
    assert peak_bytes < 100_000


@pytest.mark.parametrize(
    "data",
    [extended(10, 10, frame=lossless(16_383, 16_383)), extended(7000, 7000), animated(7, 7)],
    ids=["small canvas, huge frame", "huge canvas, small frame", "frame beyond its canvas"],
)
def test_a_webp_that_contradicts_itself_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedImage):
        decode_image(data, limits=LIMITS)


@pytest.mark.parametrize("marker", [0x00, 0x02, 0x4F, 0xF0, 0xC8, 0xFE, 0xE5])
def test_a_second_jpeg_hidden_in_a_segment_of_the_first_is_never_decoded(marker: int) -> None:
    """What is a segment to us may be nothing to the decoder: it would find the other size."""
    hidden = jpeg_that_says(65_500, 65_500)[2:]
    data = b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", len(hidden) + 2) + hidden
    try:
        found = decode_image(data + JPEG[2:], limits=LIMITS)
    except MalformedImage:
        return
    assert found.size == (16, 16)
    np.testing.assert_allclose(found.pixels, plain(16, 16, (1, 2, 3)), atol=3)


def test_a_jpeg_whose_decoder_finds_another_size_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_header, "_jpeg_size", lambda _: (15, 16))
    with pytest.raises(MalformedImage, match=r"its size is 15x16 and 16x16 \(HxW\)"):
        decode_image(JPEG, limits=LIMITS)


@pytest.mark.parametrize("marker", [b"\xff\xe0\x00\x02", b"\xff", b"\xff\xd0", b"\xff\xfe\0\0"])
def test_a_jpeg_of_markers_alone_is_not_read_to_its_end(marker: bytes) -> None:
    """A step in Python each: sixty million of them would hold the event loop for a minute."""
    usual, flood = marker * (MAX_MARKERS // 20), marker * (MAX_MARKERS + 1)
    assert read_header(JPEG[:2] + usual + JPEG[2:]).size == (16, 16)
    with pytest.raises(MalformedImage, match="more than 10000 markers"):
        read_header(JPEG[:2] + flood + JPEG[2:])


def test_a_png_of_chunks_alone_is_not_read_to_its_end() -> None:
    png = encoded(plain(4, 5, (1, 2, 3)))
    note = chunk(b"tEXt", b"")
    usual = png[:33] + note * 1000 + png[33:]
    assert decode_image(usual, limits=LIMITS).size == (4, 5)
    with pytest.raises(MalformedImage, match="more than 100000 chunks"):
        decode_image(png[:33] + note * MAX_CHUNKS + png[33:], limits=LIMITS)


@pytest.mark.parametrize("interlaced", [False, True])
def test_pixels_beyond_the_last_row_are_not_inflated(interlaced: bool) -> None:
    """What stands behind the first megabyte too many is no deflate block, and nobody notices."""
    deflate = zlib.compressobj()
    pixels = deflate.compress(b"\0\7\7\7") + deflate.compress(bytes(2**20))
    pixels += deflate.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 10_000
    found = decode_image(png_that_says(1, 1, pixels, interlaced=interlaced), limits=LIMITS)
    assert found.pixels.tolist() == [[[7, 7, 7]]]


def test_thousands_of_frames_cost_what_the_first_one_costs() -> None:
    data = animated(16, 16, num_frames=10_000)
    assert decode_image(data, limits=LIMITS).size == (16, 16)
