"""Every payload describes itself: what a reader needs to know is in the file, or beside it."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from server.app import create_app
from server.loading.loaded_model import LoadedModel, load_model
from server.service import Service
from tests.server.serving import config_for, encoded, plain, wait_until_loaded

EXIF = Image.Exif()
EXIF[0x0112] = 6
FIRST = encoded(plain(6, 10, (10, 20, 30)), exif=EXIF.tobytes())
SECOND = encoded(plain(6, 10, (13, 18, 30)), exif=EXIF.tobytes())
PAIR = {"image": FIRST, "next_image": SECOND}
MAPS = {"labels", "depth", "flow", "label_confidence", "depth_uncertainty", "flow_uncertainty"}

Words = Mapping[str, Any]
Numbers = NDArray[Any]


def from_zip(client: TestClient) -> tuple[Words, dict[str, Numbers], dict[str, Words]]:
    answer = post(client, "?uncertainty=true", "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        meta = json.loads(archive.read("meta.json"))
        files = {name: archive.read(name) for name in archive.namelist() if name != "meta.json"}
    for name, words in meta["maps"].items():  # each file says the same by itself
        with Image.open(io.BytesIO(files[name])) as image:
            inside = json.loads(str(image.info["anyres"]))
        assert inside.items() >= words.items()
    return meta, {name: png(data) for name, data in files.items()}, meta["maps"]


def from_npz(client: TestClient) -> tuple[Words, dict[str, Numbers], dict[str, Words]]:
    with np.load(io.BytesIO(post(client, "", "application/x-npz")), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays if name != "meta"}
        meta = json.loads(str(arrays["meta"]))
    return meta, found, meta["maps"]


def from_multipart(client: TestClient) -> tuple[Words, dict[str, Numbers], dict[str, Words]]:
    answer = client.post("/v1/predict", files=PAIR, headers={"Accept": "multipart/mixed"})
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts = {
        str(part.get_param("name", header="content-disposition")): content_of(part)
        for part in message_from_bytes(head + answer.content).walk()
        if not part.is_multipart()
    }
    meta = json.loads(parts.pop("meta"))
    arrays = {name: np.load(io.BytesIO(data), allow_pickle=False) for name, data in parts.items()}
    return meta, arrays, meta["maps"]


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def from_json(client: TestClient) -> tuple[Words, dict[str, Numbers], dict[str, Words]]:
    body = json.loads(post(client, "?inline=true&uncertainty=true", "application/json"))
    found = {name: png(base64.b64decode(text)) for name, text in body["png"].items()}
    return body, found, body["maps"]


def from_data_pngs(client: TestClient) -> tuple[Words, dict[str, Numbers], dict[str, Words]]:
    found, words = {}, {}
    for task in ("segmentation", "depth", "flow"):
        url = f"/v1/predict?tasks={task}"
        answer = client.post(url, files=PAIR, headers={"Accept": "image/png"})
        found[task] = png(answer.content)
        words[task] = json.loads(answer.headers["X-Anyres-Map"])
    return words["flow"], found, words


def post(client: TestClient, query: str, accept: str) -> bytes:
    answer = client.post(f"/v1/predict{query}", files=PAIR, headers={"Accept": accept})
    assert answer.status_code == 200
    return answer.content


def png(data: bytes) -> Numbers:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image) if image.mode == "P" else pixels


FORMS = {
    "zip": from_zip,
    "npz": from_npz,
    "multipart": from_multipart,
    "JSON": from_json,
    "PNG": from_data_pngs,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_payload_says_all_that_its_reader_needs(client: TestClient, form: str) -> None:
    meta, found, all_words = FORMS[form](client)
    assert meta["model"] == {"name": "toy", "version": "1.0"}
    for image in (meta["image"], meta["next_image"]):
        assert (image["stored_size"], image["size"]) == ([6, 10], [10, 6])
        assert image["exif_orientation"] == 6
    assert set(found) == set(all_words)
    assert len(found) == (3 if form == "PNG" else len(MAPS))
    for name, words in all_words.items():
        assert words["dtype"] == found[name].dtype.name
        assert words["shape"] == list(found[name].shape)
        assert isinstance(words["scale"], (int, float))
        assert isinstance(words["offset"], (int, float))
        assert words["invalid"] in (255, 0, "not finite", "known is 0")
        assert isinstance(words["unit"], str)
        if name.partition(".")[0] == "depth":
            assert words["near_is_large"] is True
            assert words["convention"] == "relative_inverse_depth"
            values = found[name] * words["scale"] + words["offset"]
            np.testing.assert_allclose(values, 20.0)
        if words["task"] == "flow" and "direction" in words:
            assert words["direction"] == "u right, v down, from image to next_image"


@pytest.mark.parametrize(
    "query_and_accept",
    [
        ("", "application/json"),
        ("?inline=true", "application/json"),
        ("", "application/zip"),
        ("", "application/x-npz"),
        ("", "multipart/mixed"),
        ("?tasks=depth", "image/png"),
        ("?render=color", "image/png"),
        ("?render=overlay", "image/jpeg"),
    ],
)
def test_every_form_says_how_long_each_stage_took(
    client: TestClient, query_and_accept: tuple[str, str]
) -> None:
    query, accept = query_and_accept
    answer = client.post(f"/v1/predict{query}", files=PAIR, headers={"Accept": accept})
    stages = [stage.split(";dur=") for stage in answer.headers["Server-Timing"].split(", ")]
    assert [name for name, _ in stages] == ["decode", "queue", "infer", "encode"]
    assert all(float(milliseconds) >= 0 for _, milliseconds in stages)


class Unknowing:
    """The toy's runtime, which has no depth for the first row and no flow at all."""

    name, version = "unknowing", "0"

    def __init__(self, runtime: Runtime) -> None:
        self.precisions = dict(runtime.precisions)
        self._runtime = runtime

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        maps = self._runtime.frame(image, size)
        depth = np.array(maps.depth)
        depth[:, 0] = np.nan
        depth[:, 1] = np.inf
        return replace(maps, depth=depth)

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        maps = self._runtime.flow(first, second, size)
        return replace(maps, flow=np.full_like(maps.flow, np.nan))


@pytest.fixture(scope="module")
def unknowing(folder: Path) -> Iterator[TestClient]:
    def load() -> LoadedModel:
        model = load_model(config_for(folder))
        runtime = Unknowing(model.selection.runtime)
        return replace(model, selection=replace(model.selection, runtime=runtime))

    service = Service(config_for(folder), load=load)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        yield client


WARNINGS = ["depth: 12 of 60 pixels have no value", "flow: 60 of 60 pixels have no value"]


@pytest.mark.parametrize("form", FORMS)
def test_maps_without_values_are_flagged_counted_and_safe(unknowing: TestClient, form: str) -> None:
    def counted(task: str) -> float:
        found = f'anyres_odd_maps_total{{reason="unknown",task="{task}"}} '
        lines = unknowing.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(found)) for line in lines if line.startswith(found))

    before = counted("depth"), counted("flow")
    meta, found, all_words = FORMS[form](unknowing)
    assert set(meta["warnings"]) <= set(WARNINGS)
    assert WARNINGS[1] in meta["warnings"]
    assert (counted("depth"), counted("flow")) == (before[0] + 1, before[1] + 1)
    for name, words in all_words.items():
        if name.partition(".")[0] == "depth":
            codes = found[name]
            is_unknown = ~np.isfinite(codes) if words["invalid"] == "not finite" else codes == 0
            np.testing.assert_array_equal(is_unknown[:2], True)  # the rows of the engine's map
            np.testing.assert_array_equal(is_unknown[2:], False)
            assert words["unknown_pixels"] == 12
            assert (words["least"], words["greatest"]) == (20.0, 20.0)


@pytest.mark.parametrize("accept", ["image/png", "image/jpeg"])
@pytest.mark.parametrize("render", ["color", "overlay"])
def test_pictures_of_maps_without_values_are_pictures(
    unknowing: TestClient, render: str, accept: str
) -> None:
    url = f"/v1/predict?render={render}"
    answer = unknowing.post(url, files=PAIR, headers={"Accept": accept})
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (18, 10)
    assert "not finite" not in answer.headers["X-Anyres-Map"]
    assert json.loads(answer.headers["X-Anyres-Map"])["warnings"] == WARNINGS


def test_the_summary_of_a_map_without_values_has_nulls_not_nan(unknowing: TestClient) -> None:
    body = unknowing.post("/v1/predict", files=PAIR).json()
    assert body["warnings"] == WARNINGS
    assert (body["depth"]["known"], body["depth"]["least"]) == (0.8, 20.0)
    assert (body["flow"]["known"], body["flow"]["mean"]) == (0.0, None)
