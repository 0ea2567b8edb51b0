"""POST /v1/predict with the toy bundle: every number is known beforehand."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from server.app import create_app
from server.loading.memory import SHARE
from server.roster import staff
from server.service import Service
from tests.server.scheduling.memories import Machine
from tests.server.serving import config_for, encoded, plain, refusal, wait_until_loaded

FIRST = plain(6, 10, (10, 20, 30))  # mean 20: label 0, depth 20
SECOND = plain(6, 10, (13, 18, 30))  # flow (3, -2)
PNG = {"Content-Type": "image/png"}


def pair(first: NDArray[Any] = FIRST, second: NDArray[Any] = SECOND) -> dict[str, bytes]:
    return {"image": encoded(first), "next_image": encoded(second)}


def read_png(data: bytes) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


def test_an_image_as_the_body_gets_a_summary(client: TestClient) -> None:
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=PNG)
    assert answer.status_code == 200
    assert answer.headers["Vary"] == "Accept"
    body = answer.json()
    assert body["model"] == {"name": "toy", "version": "1.0"}
    assert body["image"] == {
        "format": "PNG",
        "stored_size": [6, 10],
        "size": [6, 10],
        "exif_orientation": 1,
    }
    assert [(c["name"], c["area"]) for c in body["segmentation"]["classes"]] == [("sky", 1.0)]
    assert (body["depth"]["least"], body["depth"]["greatest"]) == (20.0, 20.0)
    assert body["depth"]["convention"] == "relative_inverse_depth"
    assert (body["flow"], body["png"]) == (None, None)
    stages = [part.split(";dur=") for part in answer.headers["Server-Timing"].split(", ")]
    assert [name for name, _ in stages] == ["decode", "queue", "infer", "encode"]
    assert all(float(ms) >= 0 for _, ms in stages)


def test_a_pair_gets_flow_as_well(client: TestClient) -> None:
    body = client.post("/v1/predict", files=pair()).json()
    assert body["flow"]["mean"] == pytest.approx([3.0, -2.0], abs=1e-3)
    assert body["flow"]["moving"] == 1.0
    assert body["flow"]["median_uncertainty"] == 0.0  # of the toy: the change in blue
    assert body["depth"]["median_uncertainty"] == 2.0  # a tenth of the depth
    assert body["next_image"]["size"] == [6, 10]
    assert body["segmentation"]["classes"][0]["name"] == "sky"


@pytest.mark.parametrize(
    "query",
    ["?model=toy", "?model=toy@1.0", "?depth=relative", "?priority=batch", "?timeout_ms=1e9"],
)
def test_what_the_model_can_give_is_given(client: TestClient, query: str) -> None:
    answer = client.post(f"/v1/predict{query}", content=encoded(FIRST), headers=PNG)
    assert answer.status_code == 200
    assert answer.json()["depth"]["convention"] == "relative_inverse_depth"
    assert answer.json()["stream"] is None


def test_only_the_tasks_asked_for_are_answered(client: TestClient) -> None:
    body = client.post("/v1/predict?tasks=flow,depth", files=pair()).json()
    assert body["segmentation"] is None
    assert body["depth"] is not None
    assert body["flow"] is not None


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (17, 3)])
@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
def test_any_size_in_any_format(client: TestClient, size: tuple[int, int], format_: str) -> None:
    image = encoded(plain(*size, (100, 100, 100)), format_)
    answer = client.post("/v1/predict", content=image, headers={"Content-Type": f"image/{format_}"})
    body = answer.json()
    assert body["image"]["size"] == list(size)
    assert body["depth"]["median"] == pytest.approx(100, abs=2)


def test_a_zip_holds_pngs_that_say_how_to_read_them(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=pair(), headers={"Accept": "application/zip"})
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())
        files = {name: archive.read(name) for name in archive.namelist()}
    assert set(files) == {"segmentation.png", "depth.png", "flow.png", "meta.json"}
    meta = json.loads(files["meta.json"])
    assert meta["model"]["name"] == "toy"
    depth, words = read_png(files["depth.png"]), meta["maps"]["depth.png"]
    assert depth.dtype == np.uint16
    assert words["near_is_large"] is True
    np.testing.assert_allclose(depth * words["scale"] + words["offset"], 20.0)
    flow, words = read_png(files["flow.png"]), meta["maps"]["flow.png"]
    np.testing.assert_allclose(flow[..., 2] * words["scale"] + words["offset"], 3.0, atol=1 / 64)
    np.testing.assert_allclose(flow[..., 1] * words["scale"] + words["offset"], -2.0, atol=1 / 64)
    assert (flow[..., 0] == 1).all()
    with Image.open(io.BytesIO(files["segmentation.png"])) as image:
        assert (np.asarray(image) == 0).all()
        assert image.convert("RGB").getpixel((0, 0)) == (128, 128, 128)
        assert json.loads(str(image.info["anyres"]))["classes"][0] == "sky"


def test_an_npz_holds_every_array_as_computed(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=pair(), headers={"Accept": "application/x-npz"})
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as arrays:
        kinds = {name: (arrays[name].dtype.name, arrays[name].shape) for name in arrays}
        np.testing.assert_allclose(arrays["flow"][..., 0], 3.0, atol=1e-3)
        meta = json.loads(str(arrays["meta"]))
    del kinds["meta"]
    assert kinds == {
        "labels": ("uint8", (6, 10)),
        "label_confidence": ("float16", (6, 10)),
        "depth": ("float32", (6, 10)),
        "depth_uncertainty": ("float16", (6, 10)),
        "flow": ("float32", (6, 10, 2)),
        "flow_uncertainty": ("float16", (6, 10)),
    }
    assert meta["maps"]["depth"]["convention"] == "relative_inverse_depth"


def test_one_task_as_a_data_png(client: TestClient) -> None:
    answer = client.post(
        "/v1/predict?tasks=depth",
        content=encoded(FIRST),
        headers={**PNG, "Accept": "image/png"},
    )
    words = json.loads(answer.headers["X-Anyres-Map"])
    assert (words["task"], words["dtype"], words["invalid"]) == ("depth", "uint16", 0)
    np.testing.assert_allclose(read_png(answer.content) * words["scale"] + words["offset"], 20.0)


def test_pictures_stand_side_by_side(client: TestClient) -> None:
    answer = client.post("/v1/predict?render=color", files=pair(), headers={"Accept": "image/png"})
    picture = read_png(answer.content)
    assert picture.shape == (6, 30, 3)
    np.testing.assert_array_equal(picture[0, 0], [128, 128, 128])  # sky


def test_a_jpeg_is_always_a_picture(client: TestClient) -> None:
    answer = client.post(
        "/v1/predict?tasks=segmentation",
        content=encoded(FIRST),
        headers={**PNG, "Accept": "image/jpeg"},
    )
    assert answer.headers["Content-Type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("JPEG", (10, 6))
        np.testing.assert_allclose(np.asarray(image), 128, atol=2)


def test_inline_pngs_travel_in_the_json(client: TestClient) -> None:
    body = client.post("/v1/predict?inline=true&render=color", files=pair()).json()
    assert set(body["png"]) == {"segmentation", "depth", "flow"}
    assert read_png(base64.b64decode(body["png"]["flow"])).shape == (6, 10, 3)


def test_exif_rotation_is_shown_in_sizes_and_maps(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = encoded(FIRST, "PNG", exif=exif.tobytes())
    display = client.post("/v1/predict", content=image, headers=PNG).json()["image"]
    raw = client.post("/v1/predict?orientation=raw", content=image, headers=PNG).json()["image"]
    assert (display["stored_size"], display["size"]) == ([6, 10], [10, 6])
    assert (raw["size"], raw["exif_orientation"]) == ([6, 10], 6)


@pytest.mark.parametrize(
    ("query", "headers", "status", "message"),
    [
        ("", {"Accept": "text/html"}, 406, "Accept is 'text/html'"),
        ("", {"Content-Type": "text/plain"}, 415, "Content-Type is 'text/plain'"),
        ("", {"Content-Encoding": "gzip"}, 415, "Content-Encoding is 'gzip'"),
        ("?tasks=pose", {}, 422, "tasks is 'pose', expected some of segmentation,depth,flow"),
        ("?tasks=", {}, 422, "tasks is ''"),
        ("?tasks=flow", {}, 422, "send a form with image and next_image"),
        ("?orientation=up", {}, 422, "orientation is 'up'"),
        ("?model=nobody", {}, 404, "served are toy@1.0"),
        ("?model=toy@2", {}, 404, "model is 'toy@2'"),
        ("?model=../toy", {}, 422, "model is '../toy'"),
        ("?depth=metric", {}, 422, "Leave depth out or write depth=relative"),
        ("?priority=urgent", {}, 422, "priority is 'urgent'"),
        ("?timeout_ms=inf", {}, 422, "timeout_ms is 'inf'"),
        ("?task=depth", {}, 422, "'task' is no parameter"),
        ("?timeout_ms=0", {}, 422, "timeout_ms is '0'"),
        ("", {"Accept": "image/png"}, 422, "a data PNG holds one map, 2 were asked for"),
        ("?render=color", {"Accept": "application/x-npz"}, 422, "numbers, not colours"),
        ("?inline=true", {"Accept": "application/zip"}, 422, "inline=true"),
        ("?render=data", {"Accept": "image/jpeg"}, 422, "ask for one of application/json,"),
    ],
)
def test_wrong_requests_say_what_came_and_what_to_do(
    client: TestClient, query: str, headers: dict[str, str], status: int, message: str
) -> None:
    answer = client.post(f"/v1/predict{query}", content=encoded(FIRST), headers={**PNG, **headers})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert message in error["message"]
    assert error["status"] == status
    assert error["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("task=depth", "'task' is no parameter here, expected some of tasks, "),
        ("task=depth", ": was tasks meant?"),
        ("colour=blue", "model: leave it out"),
        ("timeout_ms=abc", "timeout_ms is 'abc', expected a number: correct it, or leave it out"),
        ("timeout_ms=", "timeout_ms is '', expected a number:"),
        ("timeout_ms=-1", "timeout_ms is '-1', expected a number greater than 0:"),
        ("timeout_ms=inf", "timeout_ms is 'inf', expected a finite number:"),
        ("orientation=up", "orientation is 'up', expected display or raw:"),
        ("depth=far", "depth is 'far', expected relative or metric:"),
        ("priority=high", "priority is 'high', expected interactive or batch:"),
        ("render=colour", "render is 'colour', expected data, color or overlay:"),
        ("inline=maybe", "inline is 'maybe', expected true or false:"),
        ("uncertainty=x", "uncertainty is 'x', expected true or false:"),
        ("dtype=float64", "dtype is 'float64', expected float16 or float32:"),
        ("model=a/b", "model is 'a/b', expected a text that matches ^[A-Za-z0-9._-]{1,64}("),
        ("inline=3&dtype=x", "leave it out; dtype is 'x', expected"),
        ("tasks=depth&inline=true&tasks=flow", "'tasks' came 2 times in the query, expected once"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/streams/ws"])
def test_a_wrong_parameter_is_told_in_our_words(
    client: TestClient, path: str, query: str, sentence: str
) -> None:
    if path == "/v1/predict":
        answer = client.post(f"{path}?{query}", content=encoded(FIRST), headers=PNG)
    else:
        answer = refusal(client, f"{path}?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unusable")
    message = answer.json()["error"]["message"]
    assert sentence in message.replace("model, accept, latest:", "model:")
    for word in ("Input should", "Extra inputs", "String should", "Value error", "None"):
        assert word not in message


def test_a_wrong_method_and_a_wrong_path_are_told_in_our_words(client: TestClient) -> None:
    for method, path, status, message in (
        ("GET", "/v1/predict", 405, "GET '/v1/predict' came, this path takes POST: use that"),
        ("POST", "/v1/models", 405, "this path takes GET or HEAD"),
        ("GET", "/v1/nothing", 404, "GET '/v1/nothing' leads nowhere: POST /v1/predict is the"),
        ("GET", "/v1/models/a%20b", 422, "spec in the path is 'a b', expected a text that matches"),
        ("GET", "/v1/streams/a%20b", 422, "id in the path is 'a b', expected a text that matches"),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert message in answer.json()["error"]["message"]
    assert client.delete("/v2").json() == {
        "error": "DELETE '/v2' came, this path takes GET or HEAD: use that method"
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_image"),
        (b"GIF89a..........", 415, "unsupported_image"),
        (encoded(FIRST)[:-20], 400, "malformed_image"),
        (encoded(plain(2000, 2001, (0, 0, 0))), 413, "too_many_pixels"),
        (encoded(plain(1, 4097, (0, 0, 0))), 413, "too_many_pixels"),
    ],
)
def test_wrong_images_are_refused(client: TestClient, body: bytes, status: int, code: str) -> None:
    answer = client.post("/v1/predict", content=body, headers=PNG)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_image_that_little_free_memory_cannot_hold_is_told_so_and_what_would_be_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    monkeypatch.setattr(staff, "ProcessMemory", lambda: machine.memory)
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        px_bytes = service.keeper.roster.find("toy").worker.engine.bytes_per_px
        machine.free_bytes = px_bytes * 200_000 / SHARE
        answer = client.post("/v1/predict", content=encoded(plain(500, 800, (0, 0, 0))))
        assert answer.status_code == 413
        message = answer.json()["error"]["message"]
        assert "0.4 Mpx, but only 0.2 Mpx fit into the memory that is free now" in message
        assert "up to 4.0 Mpx are allowed" in message  # max_mpx of `config_for`
        small = client.post("/v1/predict", content=encoded(FIRST))
        assert small.status_code == 200


def test_a_pair_must_be_of_one_size(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=pair(second=plain(6, 11, (0, 0, 0))))
    assert answer.status_code == 422
    assert "image is 6x10, next_image is 6x11 (HxW)" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("files", "status", "message"),
    [
        ([("image", encoded(FIRST)), ("next_image", b"x")], 415, "unknown format"),
        ([("next_image", encoded(FIRST))], 400, "no image came"),
        ([("photo", encoded(FIRST))], 422, "field 'photo', expected image and next_image"),
        ([("image", encoded(FIRST)), ("image", encoded(FIRST))], 422, "two fields 'image'"),
    ],
)
def test_wrong_forms_are_refused(
    client: TestClient, files: list[tuple[str, bytes]], status: int, message: str
) -> None:
    answer = client.post("/v1/predict", files=files)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("multipart/form-data", b"", "expected a boundary"),
        ("multipart/form-data; boundary=x", b"garbage", "the multipart body starts with"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc',
            "ends before its closing boundary",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 99, "body is broken"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 5000, "body is broken"),
    ],
)
def test_broken_forms_are_refused(client: TestClient, kind: str, body: bytes, message: str) -> None:
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_flood_of_parts_ends_at_the_second_of_a_name(client: TestClient) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n\x89PNG\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/predict", content=part * 100_000, headers=kind)
    assert answer.status_code == 422
    assert "two fields 'image'" in answer.json()["error"]["message"]


def test_the_request_id_is_kept_if_it_is_harmless(client: TestClient) -> None:
    for given, kept in (("abc-1.2", True), ("evil id", False), ("x" * 65, False)):
        answer = client.post("/v1/predict", headers={"X-Request-Id": given, **PNG})
        assert (answer.headers["X-Request-Id"] == given) is kept
