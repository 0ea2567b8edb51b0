"""docs/clients.md and docs/answers.md: every example runs against a server on a real port, and what
the tables say is so."""

import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import requests
from PIL import Image

import server.errors
from models.bundle_folder import write_bundle
from server.answers.model_schemas import ModelTrouble
from server.answers.negotiation import Media
from server.config import ServerConfig
from server.errors import ClientError, ClientGone, RetryLater, ServerError
from server.routes.query import LiveQuery, PredictQuery
from server.service import Service
from tests.server.browser import CHROMIUM, Page, browser
from tests.server.serving import config_for, encoded, listening, plain, wait_until
from tests.toy_bundle import toy_bundle, write_toy_bundle

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "clients.md").read_text(encoding="utf-8")
ANSWERS = (DOCS / "answers.md").read_text(encoding="utf-8")
SERVER = "http://localhost:8000"
FIRST = plain(6, 10, (10, 20, 30))  # mean 20: label 0, depth 20
SECOND = plain(6, 10, (13, 18, 30))  # flow (3, -2)
KEY = "a-key-of-sixteen-and-more"
NODE = shutil.which("node")

Names = dict[str, Any]


def blocks(language: str) -> list[tuple[str, str]]:
    """(title above it, code), in order. In code a line with # is no title."""
    found, title = [], ""
    for words, kind, code in re.findall(
        r"^#+ ([^\n]*)$|^```(\w+)\n(.*?)^```$", PAGE, flags=re.M | re.S
    ):
        title = words or title
        if kind == language:
            found.append((title, code))
    return found


def table(page: str, heading: str, number: int = 0) -> list[list[str]]:
    """Cells below a heading; an empty heading is the top of the page."""
    start = page.index(f"\n## {heading}\n") if heading else 0
    end = page.find("\n## ", start + 1)
    tables = re.findall(r"(?:^\|.*\|\n)+", page[start:end], flags=re.M)
    lines = tables[number].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy by the name of the shipped model, as the page has it."""
    folder = tmp_path_factory.mktemp("street")
    write_toy_bundle(folder)
    write_bundle(folder, toy_bundle(name="street"))
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with listening(Service(config_for(folder))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the images of the page."""
    (tmp_path / "first.png").write_bytes(encoded(FIRST))
    (tmp_path / "second.png").write_bytes(encoded(SECOND))
    (tmp_path / "street.jpg").write_bytes(encoded(FIRST, "JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(url: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """What a reader has who ran the page's Python from the top to the end."""
    if importlib.util.find_spec("httpx") is None:  # its next release, which the tests have
        monkeypatch.setitem(sys.modules, "httpx", httpx2)
    found: Names = {"__name__": "page"}
    seen: dict[str, Names] = {}
    with redirect_stdout(io.StringIO()) as shown:
        for title, code in blocks("python"):
            exec(compile(code.replace(SERVER, url), f"clients.md, {title}", "exec"), found)
            seen[title] = dict(found)
    found |= {"seen": seen, "shown": shown.getvalue().splitlines()}
    yield found
    found["session"].close()
    assert here.exists()


def test_the_pages_python_reads_numbers(names: Names) -> None:
    seen = names["seen"]
    assert list(seen)[:3] == [
        "Arrays",
        "The least work: multipart/mixed",
        "Depth as a 16-bit PNG",
    ]
    for title in ("Arrays", "The least work: multipart/mixed", "All PNGs in one zip"):
        assert (seen[title]["labels"] == 0).all()
        assert seen[title]["labels"].shape == (6, 10)
    for title in ("Arrays", "Depth as a 16-bit PNG", "All PNGs in one zip", "PNGs inside of JSON"):
        np.testing.assert_allclose(seen[title]["depth"], 20)
    for title in ("The least work: multipart/mixed", "Flow as KITTI's PNG", "Over a WebSocket"):
        np.testing.assert_allclose(seen[title]["flow"][..., 0], 3, atol=1 / 64)
        np.testing.assert_allclose(seen[title]["flow"][..., 1], -2, atol=1 / 64)
    assert seen["Arrays"]["near_is_large"] is True
    assert seen["Arrays"]["names"] == ["sky"]
    assert set(seen["The least work: multipart/mixed"]["maps"]) == {
        *("labels", "label_confidence", "depth", "depth_uncertainty", "flow", "flow_uncertainty")
    }
    assert len(names["answers"]) == 2
    assert [depth.shape for depth in names["depths"]] == [(6, 10)] * 2
    assert names["shown"] == ["[6, 10] sky", "[6, 10] sky", "starts", "[ 3. -2.]"]


def test_it_comes_again_after_retry_after(names: Names, folder: Path) -> None:
    service = Service(config_for(folder, requests_per_s=0.5, burst_s=1.0))
    with listening(service) as port:
        names["SERVER"] = f"http://127.0.0.1:{port}"
        for _ in range(2):  # the second is 429 before it is answered
            answer = names["predict"](encoded(FIRST), headers={"Content-Type": "image/png"})
            assert answer.json()["depth"]["median"] == 20
    refused = {"reason": "rate_limited"}
    counted = service.telemetry.registry.get_sample_value("anyres_rejected_total", refused)
    assert counted == 1


def test_what_does_not_get_better_is_raised_in_the_servers_words(names: Names) -> None:
    with pytest.raises(ValueError, match=r"no image came.*malformed_image"):
        names["predict"](b"", headers={"Content-Type": "image/png"})
    names["SERVER"] = "http://127.0.0.1:9"  # nobody listens
    with pytest.raises(TimeoutError, match="no time for this image"):
        names["predict"](encoded(FIRST), patience_s=0.0)


def test_a_stream_that_is_gone_is_opened_again(names: Names, folder: Path) -> None:
    with listening(Service(config_for(folder, max_streams=1))) as port:
        names["SERVER"] = f"http://127.0.0.1:{port}"

        def frames() -> Iterator[bytes]:
            yield encoded(FIRST)
            yield encoded(SECOND)
            requests.post(f"{names['SERVER']}/v1/streams", timeout=20)  # the other one goes
            yield encoded(FIRST)
            yield encoded(SECOND)

        flows = list(names["flows"](frames()))
    assert [None if flow is None else flow[0, 0].tolist() for flow in flows] == [
        *(None, [3.0, -2.0]),
        *(None, [3.0, -2.0]),
    ]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_pages_curl_writes_files(url: str, here: Path, folder: Path) -> None:
    def run(code: str, address: str) -> str:
        script = "set -e\n" + code.replace(SERVER, address)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=here,
            env={"PATH": "/usr/bin:/bin", "KEY": KEY},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (code, done.stderr)
        return done.stdout

    said = "".join(run(code, url) for _, code in blocks("sh") if "$KEY" not in code)
    with listening(Service(config_for(folder, api_keys=f"night:{KEY}"))) as port:
        (keyed,) = [code for _, code in blocks("sh") if "$KEY" in code]
        run(keyed, f"http://127.0.0.1:{port}")
    assert json.loads((here / "summary.json").read_text())["depth"]["median"] == 20
    with np.load(here / "maps.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["depth"], 20)
    assert (here / "maps.zip").read_bytes()[:4] == b"PK\x03\x04"
    assert np.asarray(Image.open(here / "depth.png")).dtype.itemsize > 1
    assert (here / "overlay.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert "x-anyres-map: {" in (here / "headers.txt").read_text().lower()
    second = json.loads((here / "second.png.json").read_text())
    assert second["flow"]["mean"] == pytest.approx([3, -2])
    assert second["stream"]["flow_from"] == 0
    assert "night-run-17" in said
    assert "decode;dur=" in said
    assert json.loads((here / "models.json").read_text())["models"][0]["name"] == "street"


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_readmes_lines_are_answered(here: Path, folder: Path) -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"^## Ask\n\n```sh\n(.*?)^```$", readme, flags=re.M | re.S)[0]
    for name, colours in {"photo": FIRST, "frame1": FIRST, "frame2": SECOND}.items():
        (here / f"{name}.jpg").write_bytes(encoded(colours, "JPEG"))
    config = config_for(folder, manage_models=True, admin_key=KEY)
    with listening(Service(config)) as port:
        lines = code.replace(SERVER, f"http://127.0.0.1:{port}").replace("0.2.0", "1.0")
        done = subprocess.run(
            ["bash", "-ec", f'curl() {{ command curl -sf "$@"; }}\n{lines}'],
            cwd=here,
            env={"PATH": "/usr/bin:/bin", "KEY": KEY},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert '"flow_from":0' in done.stdout
    assert '"others":[]' in done.stdout
    assert (here / "overlay.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert (here / "maps.zip").read_bytes()[:4] == b"PK\x03\x04"
    assert np.load(here / "maps.npz", allow_pickle=False)["flow"].shape == (6, 10, 2)


def script(url: str) -> str:
    return "".join(code for _, code in blocks("js")).replace(SERVER, url)


@pytest.fixture
def page(url: str, tmp_path: Path) -> Iterator[Page]:
    """A page of the server's own origin, with the page's functions."""
    with browser(tmp_path / "profile") as page:
        page.open(f"{url}/livez")
        page.run(script(url).replace("const SERVER", "var SERVER").replace("let running", "var x"))
        page.run(
            f"globalThis.first = new Blob([new Uint8Array({list(encoded(FIRST))})],"
            "{type: 'image/png'}); null"
        )
        yield page
        assert page.complaints == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")
def test_the_pages_javascript_shows_pictures_and_reads_numbers(page: Page) -> None:
    assert page.run("summary(first).then((found) => found.depth.median)") == 20
    drawn = page.run(
        "(async () => { const canvas = document.createElement('canvas');"
        "await drawOverlay(first, canvas);"
        "const data = canvas.getContext('2d').getImageData(0, 0, 1, 1).data;"
        "return [canvas.width, canvas.height, ...data]; })()"
    )
    assert drawn[:2] == [10, 6]
    # sky (128, 128, 128) at 154 / 256 over (10, 20, 30), in a JPEG
    np.testing.assert_allclose(drawn[2:5], [80, 84, 88], atol=3)
    found = page.run("readLabels(first).then((o) => [...o.labels.slice(0, 3), o.classes[0]])")
    assert found == [0, 0, 0, "sky"]
    shape, depth = page.run(
        "readArrays(first).then((o) => [o.maps.depth.shape, o.maps.depth.values[59]])"
    )
    assert (shape, depth) == ([6, 10], 20)
    message = page.run("summary(new Blob(['nonsense'])).catch((error) => error.message)")
    assert "expected JPEG, PNG or WebP" in message
    page.complaints.clear()  # the browser's own note of that 415


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")
def test_the_newest_image_alone_is_answered(page: Page) -> None:
    page.run("globalThis.running = null; null")
    first, second = page.run(
        "Promise.all([newest(first).catch((error) => error.name),"
        "newest(first).then((found) => found.model.name)])"
    )
    assert (first, second) == ("AbortError", "street")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")
def test_the_webcam_is_answered_frame_by_frame_with_a_key(folder: Path, tmp_path: Path) -> None:
    with (
        listening(Service(config_for(folder, api_keys=f"page:{KEY}"))) as port,
        browser(tmp_path / "profile") as page,
    ):
        url = f"http://127.0.0.1:{port}"
        page.open(f"{url}/livez")
        page.run(script(url).replace("const SERVER", "var SERVER").replace("let running", "var x"))
        page.run(
            "globalThis.shown = []; webcam(document.createElement('video'),"
            f"(answer, stream) => shown.push([stream.frame, answer.flow]), '{KEY}')"
            ".then((socket) => { globalThis.socket = socket; })"
        )
        wait_until(lambda: page.run("shown.length") > 2)
        numbers = page.run("shown.slice(0, 3).map(([frame, flow]) => [frame, flow !== null])")
        assert numbers == [[0, False], [1, True], [2, True]]
        page.run("socket.close()")
        assert page.complaints == []


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
def test_the_pages_javascript_is_well_formed_and_reads_halves(url: str, here: Path) -> None:
    """Also where there is no browser."""
    told = """
    const file = new Blob([require("fs").readFileSync("first.png")], { type: "image/png" });
    readArrays(file).then(({ meta, maps }) => console.log(JSON.stringify([
      meta.model.name, maps.depth.values[59], Object.keys(maps),
      [0x3c00, 0xc000, 0x0001, 0x7bff].map(halfToNumber)])));
    """
    (here / "read.js").write_text(script(url) + told)
    done = subprocess.run(
        [str(NODE), "read.js"], cwd=here, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        "street",
        20,
        ["labels", "label_confidence", "depth", "depth_uncertainty"],
        [1, -2, 2**-24, 65504],
    ]


def _codes(kind: type[ServerError] = ServerError) -> Iterator[tuple[str, int]]:
    if kind.__module__ == server.errors.__name__:
        yield kind.code, kind.status
        for child in kind.__subclasses__():
            yield from _codes(child)


def test_every_error_is_explained_under_its_status() -> None:
    explained = {
        (code, int(status))
        for status, codes, *_ in table(PAGE, "Errors")
        for code in re.findall(r"`(\w+)`", codes)
    }
    known = set(_codes()) - {(ClientGone.code, ClientGone.status)}  # nobody reads that one
    router = {("not_found", 404), ("method_not_allowed", 405)}
    assert explained == known | router
    assert {ClientError.code, RetryLater.code} <= {code for code, _ in explained}


def test_every_form_and_every_parameter_is_explained() -> None:
    forms = [re.findall(r"`([^`]+)`", row[0])[0] for row in table(ANSWERS, "")]
    assert forms == [media.value for media in Media]
    parameters = {re.findall(r"`(\w+)`", row[0])[0] for row in table(ANSWERS, "", 1)}
    assert parameters == set(PredictQuery.model_fields)
    for name in set(LiveQuery.model_fields) - parameters:
        assert f"`{name}" in PAGE, name


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of all that holds no names itself; entries of lists share a path."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for part in value:
            yield from leaves(part, path)
    else:
        yield path, value


def fields(*bodies: Names) -> set[str]:
    """Paths of all that these answers hold; what is null in one may be whole in another."""
    found = {path for body in bodies for path, _ in leaves(body)}
    return {path for path in found if not any(other.startswith(f"{path}.") for other in found)}


def explained(heading: str) -> set[str]:
    """Fields of the table below a heading of docs/answers.md."""
    return {name for row in table(ANSWERS, heading) for name in re.findall(r"`([\w.]+)`", row[0])}


def test_every_field_of_the_summary_is_explained_and_no_other(url: str, here: Path) -> None:
    pair = {name: (here / f"{name}.png").read_bytes() for name in ("first", "second")}
    files = {"image": pair["first"], "next_image": pair["second"]}
    whole = requests.post(f"{url}/v1/predict", files=files, timeout=60).json()
    inline = requests.post(
        f"{url}/v1/predict?inline=true&uncertainty=true", files=files, timeout=60
    ).json()
    stream = url + requests.post(f"{url}/v1/streams", timeout=60).headers["Location"]
    frame = requests.post(f"{stream}/frames", files={"image": pair["first"]}, timeout=60).json()
    requests.delete(stream, timeout=60)

    # Parts that are named after tasks and maps are explained once for all of them.
    words = {word for of_map in inline["maps"].values() for word in of_map}
    rows = table(ANSWERS, "What each map says")
    assert words == {word for row in rows for word in re.findall(r"`(\w+)`", row[0])}
    assert set(whole["links"]) == {"segmentation", "depth", "flow"} < set(inline["png"])
    assert set(inline["maps"]) == set(inline["png"])
    assert whole["next_image"].keys() == whole["image"].keys()
    for body in (whole, inline):
        body["next_image"] = "as image"
    whole["links"] = {"TASK": whole["links"]["flow"]}
    inline["png"], inline["maps"] = {"NAME": "base64"}, {"NAME": "words"}
    found = fields(whole, inline, frame)
    assert len(found) > 40
    assert explained("The summary, field by field") - {"segmentation.classes"} == found


def test_every_field_of_a_model_is_explained_and_no_other(url: str) -> None:
    body = requests.get(f"{url}/v1/models", timeout=60).json()
    assert set(body) == {"models", "others"} <= set(re.findall(r"`(\w+)`", ANSWERS))
    (model,) = body["models"]
    assert requests.get(f"{url}/v1/models/street", timeout=60).json() == model
    model["scores"] = "as the bundle has them"
    assert explained("Models, field by field") == fields(model)
    for name in ModelTrouble.model_fields:
        assert f"`others.{name}`" in ANSWERS


def test_the_limits_are_those_of_the_settings() -> None:
    fields = ServerConfig.model_fields
    shown = " ".join(" ".join(row) for row in table(PAGE, "Limits"))
    mib = 2**20
    for name, text in {
        "max_body_bytes": f"{fields['max_body_bytes'].default // mib} MiB",
        "max_frame_bytes": f"{fields['max_frame_bytes'].default // mib} MiB",
        "body_timeout_s": f"{fields['body_timeout_s'].default:g}; ",
        "timeout_s": f"; {fields['timeout_s'].default:g}",
        "max_queue": f"{fields['max_queue'].default} requests",
        "max_queue_bytes": f"{fields['max_queue_bytes'].default // 2**30} GiB",
        "max_queue_mpx": f"{fields['max_queue_mpx'].default:g} Mpx",
    }.items():
        assert text in shown, name
    assert f"more than {fields['max_head_bytes'].default // 1024} KiB" in PAGE


def test_links_between_pages_lead_somewhere() -> None:
    for file in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        text = file.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
