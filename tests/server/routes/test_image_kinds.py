"""Every kind of image file through HTTP: the toy's depth is the mean of what was decoded."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from starlette.testclient import TestClient

from models.bundle import SizeLimits
from models.bundle_folder import write_bundle
from server.app import create_app
from server.codecs.decode import BACKGROUND
from server.codecs.png import write_png
from server.service import Service
from tests.server.codecs import icc_files
from tests.server.codecs.png_files import PALETTE, png_file
from tests.server.serving import config_for, encoded, plain, wait_until_loaded
from tests.toy_bundle import toy_bundle, write_toy_bundle

NPZ = {"Accept": "application/x-npz"}
SIDE = 12_000  # more than the toy takes elsewhere


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """It takes the longest sides that any bundle of ours does."""
    folder = tmp_path_factory.mktemp("wide")
    write_toy_bundle(folder)
    limits = SizeLimits(min_side=1, max_side=SIDE, max_mpx=4.0)
    write_bundle(folder, toy_bundle(size_limits=limits))
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        yield client


def depth_of(client: TestClient, image: bytes, query: str = "") -> NDArray[np.float32]:
    """The map, which has a number for every pixel."""
    answer = client.post(f"/v1/predict{query}", content=image, headers=NPZ)
    assert answer.status_code == 200, answer.text
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as arrays:
        depth: NDArray[np.float32] = arrays["depth"]
    return depth


def different_everywhere(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 3), (1, SIDE), (SIDE, 1), (2, SIDE)])
def test_every_pixel_of_the_thinnest_images_is_right(
    wide: TestClient, size: tuple[int, int]
) -> None:
    image = different_everywhere(*size)
    expected = image.mean(axis=2)
    for file in (encoded(image), encoded(image, "WEBP", lossless=True)):
        np.testing.assert_allclose(depth_of(wide, file), expected, atol=1e-4)
    other = np.clip(image.astype(int) + (3, -2, 0), 0, 255).astype(np.uint8)
    files = {"image": encoded(image), "next_image": encoded(other)}
    answer = wide.post("/v1/predict", files=files, headers=NPZ)
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as arrays:
        flow = arrays["flow"]
    assert flow.shape == (*size, 2)
    means = [pixels.reshape(-1, 3).mean(axis=0)[:2] for pixels in (image, other)]
    np.testing.assert_allclose(flow, np.broadcast_to(means[1] - means[0], flow.shape), atol=0.02)


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_maps_lie_as_the_viewer_sees_the_image(wide: TestClient, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    file = encoded(different_everywhere(7, 11), exif=exif.tobytes())
    with Image.open(io.BytesIO(file)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image)).mean(axis=2)
        stored = np.asarray(image).mean(axis=2)
    assert upright.shape == ((11, 7) if turn >= 5 else (7, 11))
    np.testing.assert_allclose(depth_of(wide, file), upright, atol=1e-4)
    np.testing.assert_allclose(depth_of(wide, file, "?orientation=raw"), stored, atol=1e-4)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def frames(format_: str, **options: Any) -> bytes:
    first, second = (Image.fromarray(plain(8, 8, (level,) * 3)) for level in (60, 200))
    return saved(first, format_, save_all=True, append_images=[second], **options)


def half_clear_palette() -> bytes:
    """Two colours, the second one seen through."""
    chunks = [(b"PLTE", bytes([90, 90, 90, 10, 20, 30])), (b"tRNS", b"\xff\x00")]
    samples = np.array([[[0], [1]]], dtype=np.uint16)
    return png_file(samples, colour_type=PALETTE, bits=1, before_pixels=chunks)


LINEAR = icc_files.linear_rgb()
MID_LIGHT = 255 * (1.055 * (128 / 255) ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
KINDS: dict[str, tuple[bytes, list[float]]] = {
    # name: file, depth of its pixels from left to right
    "16-bit grey": (write_png(np.array([[0x12FF, 0xFFFF]], np.uint16)), [0x12, 255]),
    "16-bit RGB": (
        write_png(np.array([[[0x1234, 0x4567, 0x9900]]], np.uint16)),
        [(18 + 69 + 153) / 3],
    ),
    "1-bit grey": (encoded(np.array([[True, False]])), [255, 0]),
    "palette and tRNS": (half_clear_palette(), [90, BACKGROUND]),
    "alpha": (
        encoded(np.array([[[90, 90, 90, 255], [90, 90, 90, 0]]], np.uint8)),
        [90, BACKGROUND],
    ),
    "WebP with alpha": (
        encoded(np.array([[[90, 90, 90, 255], [90, 90, 90, 0]]], np.uint8), "WEBP", lossless=True),
        [90, BACKGROUND],
    ),
    "ink": (saved(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "JPEG"), [85]),
    "ink by its profile": (
        saved(
            Image.new("CMYK", (1, 1), (0, 255, 255, 0)),
            "JPEG",
            icc_profile=icc_files.ink_that_is_always_mid_grey(),
        ),
        [119],
    ),
    "animated PNG": (frames("PNG"), [60] * 8),
    "animated WebP": (frames("WEBP", lossless=True), [60] * 8),
    "PNG with a profile": (encoded(plain(1, 1, (128,) * 3), icc_profile=LINEAR), [MID_LIGHT]),
    "JPEG with a profile": (
        encoded(plain(1, 1, (128,) * 3), "JPEG", icc_profile=LINEAR),
        [MID_LIGHT],
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_decoded_by_its_rule(wide: TestClient, name: str) -> None:
    file, expected = KINDS[name]
    np.testing.assert_allclose(depth_of(wide, file)[0], expected, atol=2)


def other_formats() -> dict[str, bytes]:
    """Whole, valid files that Pillow would open if it were let to."""
    picture = Image.fromarray(different_everywhere(8, 8))
    files = {name: saved(picture, name) for name in ("GIF", "BMP", "TIFF", "PPM", "TGA", "PCX")}
    files |= {name: saved(picture, name) for name in ("ICO", "EPS", "PDF", "SGI", "DDS", "MPO")}
    del files["MPO"]  # begins as the JPEG that it is
    if "JPEG2000" in Image.SAVE:
        files["JPEG2000"] = saved(picture, "JPEG2000")
    files["FITS"] = b"SIMPLE  =                    T" + b" " * 2850
    files["PSD"] = b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x08\0\0\0\x08\0\x08\0\3"
    files["GIF, then a JPEG"] = saved(picture, "GIF") + saved(picture, "JPEG")
    files["PDF, then a PNG"] = b"%PDF-1.7\n" + saved(picture, "PNG")
    files["HTML"] = b"<!doctype html><img src=x>"
    return files


OTHERS = other_formats()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("declared", ["image/png", "application/octet-stream"])
def test_no_other_format_reaches_a_decoder(
    wide: TestClient, name: str, declared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    headers = {"Content-Type": declared}
    answer = wide.post("/v1/predict", content=OTHERS[name], headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_image")


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_neither_the_declared_type_nor_the_name_of_a_file_is_believed(
    wide: TestClient, format_: str
) -> None:
    image = encoded(plain(5, 6, (80, 80, 80)), format_)
    for declared in ("image/jpeg", "image/png", "image/webp", "application/octet-stream"):
        answer = wide.post("/v1/predict", content=image, headers={"Content-Type": declared})
        assert answer.json()["image"]["format"] == format_
    for name in ("image.psd", "../../etc/passwd.eps", "a.gif", "", "x" * 255, "CON"):
        answer = wide.post("/v1/predict", files={"image": (name, image, "image/x-photoshop")})
        assert answer.json()["image"]["format"] == format_


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_what_hangs_behind_an_image_is_not_looked_at(wide: TestClient, format_: str) -> None:
    """A file that is an archive or a script as well is the image that it begins with."""
    image = encoded(plain(2, 3, (80, 80, 80)), format_)
    for tail in (b"PK\x03\x04....", b"<script>alert(1)</script>", b"%!PS-Adobe-3.0 EPSF-3.0"):
        np.testing.assert_allclose(depth_of(wide, image + tail), 80, atol=2)
