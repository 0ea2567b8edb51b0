"""The page in a browser: what it shows, what it sends, and that nothing complains."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.service import Service
from tests.server.browser import CHROMIUM, Page, browser
from tests.server.serving import config_for, encoded, listening, plain, wait_until
from tests.server.shelf import put

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with listening(Service(config_for(folder))) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path / "profile") as page:
        yield page
        assert page.complaints == []


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    files = tmp_path / "first.png", tmp_path / "second.png"
    for file, colour in zip(files, ((10, 20, 30), (13, 18, 30)), strict=True):
        file.write_bytes(encoded(plain(60, 100, colour)))
    return files


def text(page: Page, id_: str) -> str:
    return str(page.run(f"document.getElementById('{id_}').textContent"))


def sees(page: Page, id_: str, words: str) -> None:
    wait_until(lambda: words in text(page, id_))


def press(page: Page, id_: str) -> None:
    page.run(f"document.getElementById('{id_}').click()")


def colour_of(page: Page, canvas: str) -> list[int]:
    pixel = f"document.getElementById('{canvas}').getContext('2d').getImageData(5, 5, 1, 1).data"
    return list(page.run(f"Array.from({pixel})"))[:3]


def test_a_picked_image_and_then_a_next_one(page: Page, url: str, pair: tuple[Path, Path]) -> None:
    page.open(url)
    sees(page, "model", "toy 1.0 on onnxruntime (f32), up to 4 Mpx")
    page.pick("#file-image", pair[:1])
    sees(page, "status", "60×100 pixels (height × width), answered in")
    wait_until(lambda: colour_of(page, "canvas-image") == [10, 20, 30])
    sees(page, "note-depth", "relative inverse depth 20 to 20")
    sees(page, "legend", "sky100.0 %")
    assert text(page, "note-flow") == "needs a next image"
    page.pick("#file-next", pair[1:])
    sees(page, "note-flow", "mean 3.61 px, at most 3.61 px; expected error 0 px")
    assert page.run("document.getElementById('error').hidden")
    assert page.photograph().startswith(b"\x89PNG")


def test_an_error_of_the_server_is_shown_in_its_words(page: Page, url: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(encoded(plain(6, 10, (1, 2, 3)))[:60])
    page.open(url)
    page.pick("#file-image", [broken])
    sees(page, "error", "ends too early: send the whole file")
    # The browser itself notes every answer that is no success.
    assert page.complaints == [
        "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    ]
    page.complaints.clear()


def test_a_webcam_is_a_stream_and_leaves_the_picked_images_alone(
    page: Page, url: str, pair: tuple[Path, Path]
) -> None:
    page.open(url)
    page.pick("#file-image", pair[:1])
    sees(page, "status", "60×100")
    press(page, "tab-video")
    press(page, "webcam")
    sees(page, "live-note", "Frame 2")
    assert "mean" in text(page, "note-flow")
    press(page, "live-stop")
    press(page, "tab-images")
    press(page, "run")
    sees(page, "status", "60×100")
    wait_until(lambda: colour_of(page, "canvas-image") == [10, 20, 30])


def test_a_video_whose_server_goes_away_says_so(page: Page, folder: Path) -> None:
    with listening(Service(config_for(folder))) as port:
        page.open(f"http://127.0.0.1:{port}/")
        press(page, "tab-video")
        press(page, "webcam")
        sees(page, "live-note", "Frame 1")
    wait_until(lambda: not page.run("document.getElementById('error').hidden"))
    assert page.run("document.getElementById('live-stop').disabled")
    page.complaints.clear()


def test_a_server_with_keys_asks_for_one_and_sends_it_both_ways(
    page: Page, folder: Path, pair: tuple[Path, Path]
) -> None:
    key = "a-key-of-the-page"
    with listening(Service(config_for(folder, api_keys=f"page:{key}"))) as port:
        page.open(f"http://127.0.0.1:{port}/")
        sees(page, "model", "This server needs a key")
        page.complaints.clear()
        page.run(
            f"(() => {{ const field = document.getElementById('key'); field.value = '{key}';"
            "field.dispatchEvent(new Event('change')); })()"
        )
        sees(page, "model", "toy 1.0")
        page.pick("#file-image", pair[:1])
        sees(page, "status", "answered in")
        press(page, "tab-video")
        press(page, "webcam")
        sees(page, "live-note", "Frame 1")
        press(page, "live-stop")


def test_of_several_models_one_is_chosen(
    page: Page, folder: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    shelf = tmp_path / "models"
    put(shelf, folder, "rooms", "1.0")
    config = config_for(folder, model_folder=shelf, default_model="toy")  # toy is the bundle
    with listening(Service(config)) as port:
        page.open(f"http://127.0.0.1:{port}/")
        sees(page, "model", "on onnxruntime")
        choice = "document.getElementById('model-choice')"
        assert page.run(f"{choice}.value") == "toy@1.0"
        page.run(f"{choice}.value = 'rooms@1.0'; {choice}.dispatchEvent(new Event('change'))")
        page.pick("#file-image", pair[:1])
        sees(page, "status", "answered in")
        sent = "performance.getEntriesByType('resource').map((one) => one.name)"
        assert any("model=rooms%401.0" in name for name in page.run(sent))
