"""Forms of an answer over HTTP, and what the page for clients says about reading them."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from server.service import Service
from tests.server.serving import config_for, encoded, listening, plain

PAGE = (Path(__file__).parents[3] / "docs" / "answers.md").read_text(encoding="utf-8")
FIRST = plain(6, 10, (10, 20, 30))  # mean 20: label 0, depth 20
SECOND = plain(6, 10, (13, 18, 30))  # flow (3, -2)
BODY: dict[str, Any] = {
    "content": encoded(FIRST),
    "headers": {"Content-Type": "image/png"},
}


READ = """
const file = new Blob([require("fs").readFileSync("first.png")]);
predict(file, "URL").then(({ meta, maps }) => console.log(JSON.stringify({
  name: meta.model.name, shape: maps.depth.shape, depth: maps.depth.values[59],
  labels: Array.from(maps.labels.values.slice(0, 3)), kinds: Object.keys(maps),
  halves: [0x3c00, 0xc000, 0x0001, 0x7bff].map(halfToNumber),
})));
"""


def blocks(language: str) -> list[tuple[str, str]]:
    """(title, code) of the page."""
    found = re.findall(r"^#+ ([^\n]*)\n((?:(?!^#+ ).)*)", PAGE, re.MULTILINE | re.DOTALL)
    return [
        (title, code)
        for title, text in found
        for code in re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with listening(Service(config_for(folder))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two images of the page."""
    (tmp_path / "first.png").write_bytes(encoded(FIRST))
    (tmp_path / "second.png").write_bytes(encoded(SECOND))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("title", "code"), blocks("python"), ids=lambda text: text[:20])
def test_the_pages_python_reads_numbers(url: str, title: str, code: str) -> None:
    found: dict[str, Any] = {}
    exec(code.replace("http://localhost:8000", url), found)
    if "labels" in found:
        assert (found["labels"] == 0).all()
        assert found["labels"].shape == (6, 10)
    if "depth" in found:
        np.testing.assert_allclose(found["depth"], 20)
    if "flow" in found:
        np.testing.assert_allclose(found["flow"][..., 0], 3, atol=1 / 64)
        np.testing.assert_allclose(found["flow"][..., 1], -2, atol=1 / 64)
    assert {"labels", "depth", "flow"} & found.keys(), title
    if title == "multipart/mixed":
        assert found["names"] == ["sky"]
    if title == "application/x-npz":
        assert found["near_is_large"] is True


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_pages_curl_writes_files(url: str, here: Path) -> None:
    ((_, code),) = blocks("sh")
    script = "set -e\n" + code.replace("http://localhost:8000", url)
    subprocess.run(["bash", "-c", script], check=True, cwd=here, timeout=60)
    assert json.loads((here / "summary.json").read_text())["depth"]["median"] == 20
    with np.load(here / "maps.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["depth"], 20)
    assert (here / "maps.zip").read_bytes()[:4] == b"PK\x03\x04"
    assert (here / "depth.png").read_bytes()[:4] == b"\x89PNG"
    assert (here / "overlay.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert "X-Anyres-Map: {" in (here / "headers.txt").read_text() or (
        "x-anyres-map: {" in (here / "headers.txt").read_text()
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_the_pages_javascript_reads_numbers(url: str, here: Path) -> None:
    ((_, code),) = blocks("js")
    script = code + READ.replace("URL", f"{url}/v1/predict")
    (here / "read.js").write_text(script)
    told = subprocess.run(
        ["node", "read.js"], cwd=here, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "name": "toy",
        "shape": [6, 10],
        "depth": 20,
        "labels": [0, 0, 0],
        "kinds": ["labels", "label_confidence", "depth", "depth_uncertainty"],
        "halves": [1, -2, 2**-24, 65504],
    }


def test_multipart_announces_its_length_and_its_boundary(client: TestClient) -> None:
    headers = {"Content-Type": "image/png", "Accept": "multipart/mixed"}
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Vary"] == "Accept"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/mixed; boundary=anyres-")
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.content)
    assert message.is_multipart()
    assert not message.defects
    assert [stage.split(";")[0] for stage in answer.headers["Server-Timing"].split(", ")] == [
        "decode",
        "queue",
        "infer",
        "encode",
    ]


def test_several_accept_headers_are_one(client: TestClient) -> None:
    headers = [("Content-Type", "image/png"), ("Accept", "text/html"), ("Accept", "image/jpeg")]
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=headers)
    assert answer.headers["Content-Type"] == "image/jpeg"


def test_a_refusal_varies_with_accept_too(client: TestClient) -> None:
    headers = {"Content-Type": "image/png", "Accept": "text/html"}
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=headers)
    assert (answer.status_code, answer.headers["Vary"]) == (406, "Accept")
    assert "expected one of application/json, application/zip" in answer.json()["error"]["message"]


def test_links_lead_to_the_maps(client: TestClient) -> None:
    url = "/v1/predict?tasks=depth,segmentation&orientation=raw&depth=relative"
    links = client.post(url, **BODY).json()["links"]
    assert list(links) == ["segmentation", "depth"]
    link = links["depth"]
    again = client.post(
        f"/v1/predict{link['href']}",
        content=encoded(FIRST),
        headers={"Content-Type": "image/png", "Accept": link["accept"]},
    )
    assert again.status_code == 200
    assert json.loads(again.headers["X-Anyres-Map"])["task"] == "depth"


def test_metres_of_a_relative_model_are_422(client: TestClient) -> None:
    answer = client.post("/v1/predict?depth=metric", **BODY)
    assert answer.status_code == 422
    assert "no number of it is in metres" in answer.json()["error"]["message"]
    assert client.post("/v1/predict?depth=metric&tasks=segmentation", **BODY).status_code == 200


def test_odd_maps_are_told_and_counted(client: TestClient, service: Service) -> None:
    def counted() -> float:
        name, labels = "anyres_odd_maps_total", {"task": "depth", "reason": "constant"}
        return service.telemetry.registry.get_sample_value(name, labels) or 0.0

    before = counted()
    body = client.post("/v1/predict", **BODY).json()  # one colour: one depth
    assert body["warnings"] == ["depth: all pixels have the same value"]
    assert body["depth"]["constant"] is True
    assert counted() == before + 1


def test_an_overlay_is_the_images_own_colours_and_the_maps(client: TestClient) -> None:
    url = "/v1/predict?tasks=segmentation&render=overlay"
    headers = {"Content-Type": "image/png", "Accept": "image/png"}
    answer = client.post(url, content=encoded(FIRST), headers=headers)
    found = np.asarray(Image.open(io.BytesIO(answer.content)))
    # sky (128, 128, 128) at 154 / 256 over (10, 20, 30)
    assert (found == [80, 84, 88]).all()
