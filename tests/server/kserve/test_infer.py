"""POST /v2/models/{name}/infer by hand: the bytes on the wire, and what is refused, how."""

import base64
import gzip
import time
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.server.kserve.tensors_sent import (
    LENGTH,
    URL,
    elements,
    of_files,
    of_pixels,
    read,
    request,
    tensor,
)
from tests.server.serving import encoded, plain

FIRST = plain(6, 10, (10, 20, 30))  # mean 20: label 0, depth 20
SECOND = plain(6, 10, (13, 18, 30))  # flow (3, -2)
PNG = encoded(FIRST)


def refusal(client: TestClient, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    answer = client.post(URL, content=body, headers=headers)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"]
    words = answer.json()
    assert list(words) == ["error"]
    return answer.status_code, words["error"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/octet-stream"])
def test_the_content_type_is_not_looked_at(client: TestClient, kind: str | None) -> None:
    body, headers = of_files([PNG], [encoded(SECOND)])
    named = {} if kind is None else {"Content-Type": kind}
    answer = client.post(URL, content=body, headers={**headers, **named})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    stages = [part.split(";dur=")[0] for part in answer.headers["Server-Timing"].split(", ")]
    assert stages == ["decode", "queue", "infer", "encode"]
    _, maps = read(answer.content, answer.headers)
    np.testing.assert_allclose(maps["flow"], np.broadcast_to([3, -2], (1, 6, 10, 2)), atol=1e-3)
    assert maps["depth"].dtype == np.float32


def test_json_in_and_json_out_needs_no_length(client: TestClient) -> None:
    inputs = [tensor("image", "BYTES", [1], data=[base64.b64encode(PNG).decode()])]
    body, headers = request(inputs, id="x", outputs=[{"name": "labels"}, {"name": "depth"}])
    assert headers == {}
    answer = client.post(URL, content=body)
    assert LENGTH not in answer.headers
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "model_name": "toy",
        "model_version": "1.0",
        "id": "x",
        "outputs": [
            {
                "name": "labels",
                "datatype": "UINT8",
                "shape": [1, 6, 10],
                "parameters": answer.json()["outputs"][0]["parameters"],
                "data": [0] * 60,
            },
            {
                "name": "depth",
                "datatype": "FP32",
                "shape": [1, 6, 10],
                "parameters": {
                    "unit": "",
                    "convention": "relative_inverse_depth",
                    "near_is_large": True,
                    "constant_maps": 1,
                },
                "data": [20.0] * 60,
            },
        ],
    }


def test_an_output_overrides_how_the_request_wants_its_numbers(client: TestClient) -> None:
    outputs = [{"name": "labels", "parameters": {"binary_data": False}}, {"name": "depth"}]
    body, headers = of_files([PNG], outputs=outputs)
    answer = client.post(URL, content=body, headers=headers)
    words, maps = read(answer.content, answer.headers)
    assert ["data" in output for output in words["outputs"]] == [True, False]
    assert words["outputs"][1]["parameters"]["binary_data_size"] == 6 * 10 * 4
    assert (maps["labels"].shape, maps["depth"][0, 0, 0]) == ((1, 6, 10), 20)


def test_nested_and_flat_numbers_are_the_same_pixels(client: TestClient) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)  # means 1, 4, 7, ...
    for data in (pixels.tolist(), pixels.ravel().tolist()):
        body, headers = request([tensor("image", "UINT8", [1, 2, 4, 3], data=data)])
        _, maps = read(client.post(URL, content=body, headers=headers).content, {})
        np.testing.assert_array_equal(maps["depth"][0], [[1, 4, 7, 10], [13, 16, 19, 22]])


def test_length_zero_means_that_the_body_is_one_image(client: TestClient) -> None:
    answer = client.post(URL, content=PNG, headers={LENGTH: "0"})
    _, maps = read(answer.content, answer.headers)
    assert set(maps) == {"labels", "label_confidence", "depth", "depth_uncertainty"}
    np.testing.assert_array_equal(maps["depth"], np.full((1, 6, 10), 20))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (17, 3)])
def test_any_size_has_an_answer(client: TestClient, size: tuple[int, int]) -> None:
    body, headers = of_pixels(plain(*size, (50, 50, 50))[None])
    answer = client.post(URL, content=body, headers=headers)
    _, maps = read(answer.content, answer.headers)
    np.testing.assert_array_equal(maps["depth"], np.full((1, *size), 50))


def test_exif_rotation_follows_the_parameter(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = encoded(FIRST, "PNG", exif=exif.tobytes())
    for orientation, size in (("display", (10, 6)), ("raw", (6, 10))):
        parameters = {"orientation": orientation, "binary_data_output": True}
        body, headers = of_files([image], parameters=parameters, outputs=[{"name": "labels"}])
        answer = client.post(URL, content=body, headers=headers)
        assert read(answer.content, answer.headers)[1]["labels"].shape == (1, *size)


@pytest.mark.parametrize(
    ("encoding", "open_"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)]
)
def test_an_answer_is_compressed_where_that_pays_and_counts_its_plain_json(
    client: TestClient, encoding: str, open_: Any
) -> None:
    body, headers = of_pixels(plain(200, 200, (72, 72, 72))[None], outputs=[{"name": "labels"}])
    with client.stream(
        "POST", URL, content=body, headers={**headers, "Accept-Encoding": encoding}
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert len(raw) < 200 * 200 / 10
    _, maps = read(open_(raw), answer.headers)
    np.testing.assert_array_equal(maps["labels"], np.full((1, 200, 200), 3))


def test_compressed_bodies_are_415_unless_allowed(client: TestClient) -> None:
    body, headers = of_files([PNG])
    status, error = refusal(client, gzip.compress(body), {**headers, "Content-Encoding": "gzip"})
    assert status == 415
    assert "--inflate-bodies" in error


IMAGE = tensor("image", "BYTES", [1], parameters={"binary_data_size": len(PNG) + 4})
ONE = elements([PNG])


def changed(**fields: Any) -> tuple[bytes, dict[str, str]]:
    return request([{**IMAGE, **fields}], ONE)


def numbers(shape: list[int], data: Any) -> tuple[bytes, dict[str, str]]:
    return request([tensor("image", "UINT8", shape, data=data)])


def pixels_of(shape: list[int], size: int) -> tuple[bytes, dict[str, str]]:
    about = tensor("image", "UINT8", shape, parameters={"binary_data_size": size})
    return request([about], bytes(size))


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ((b"", {}), 400, "not the JSON of a request (Invalid JSON: EOF"),
        ((b"{", {}), 400, "not the JSON of a request"),
        ((b"null", {}), 400, "the JSON is None, expected an object"),
        ((b"[" * 1000, {}), 400, "recursion limit"),
        ((b'{"a":' * 1000, {}), 400, "recursion limit"),
        ((b"[" * 200_000, {}), 400, "200000 lists and objects"),
        ((b'{"a":1,' * 2000, {}), 400, "and 2000 keys, expected at most"),
        ((b" " * (4 * 2**20 + 1), {}), 413, "the JSON has 4194305 bytes"),
        ((b'{"inputs":[]}', {}), 400, "inputs is []"),
        ((b"{}", {}), 400, "inputs is missing"),
        (request([IMAGE], ONE, nputs=1), 400, "nputs came: there is no such key"),
        (request([IMAGE] * 9, ONE * 9), 400, "at most 8 items"),
        (request([IMAGE, IMAGE], ONE * 2), 400, "inputs has image more than once"),
        (changed(name="photo"), 400, "inputs.0.name is 'photo'"),
        (changed(name="next_image"), 400, "inputs has no image"),
        (changed(datatype="FP32"), 400, "inputs.0.datatype is 'FP32'"),
        (changed(datatype="UINT8"), 400, "UINT8 of shape [1], expected [B, H, W, 3]"),
        (changed(shape=[]), 400, "inputs.0.shape is []"),
        (changed(shape=[1, 1]), 400, "BYTES of shape [1, 1], expected [B]"),
        (changed(shape=[1] * 9), 400, "at most 8 items"),
        (changed(shape=[1.0]), 400, "inputs.0.shape.0 is 1.0"),
        (changed(shape=[True]), 400, "inputs.0.shape.0 is True"),
        (changed(shape=["1"]), 400, "inputs.0.shape.0 is '1'"),
        (changed(shape=[0]), 400, "BYTES of shape [0]"),
        (changed(shape=[-1]), 400, "BYTES of shape [-1]"),
        (changed(shape=[10**4000]), 400, "BYTES of shape [1000"),
        (changed(shape=[33]), 400, "33 images, this server takes at most 32"),
        (changed(shape=[2]), 400, f"image[1] announces 0 bytes and 0 are left of {len(ONE)}"),
        (changed(data=[""]), 400, "has both data and binary_data_size"),
        (changed(parameters={}), 400, "has neither data and binary_data_size"),
        (changed(parameters={"binary_data_size": -1}), 400, "binary_data_size is -1"),
        (changed(parameters={"binary_data_size": 2**80}), 400, "bytes follow the JSON"),
        (changed(parameters={"binary_data_size": 3}), 400, "bytes follow the JSON"),
        (changed(parameters={"content_type": "x"}), 400, "content_type came"),
        (request([IMAGE], ONE + b"x"), 400, "bytes follow the JSON"),
        (request([IMAGE], ONE[:-1]), 400, "bytes follow the JSON"),
        (request([IMAGE], b"\xff" * len(ONE)), 400, "image[0] announces 4294967295 bytes"),
        (request([IMAGE], b"\0" * len(ONE)), 400, "its 1 images end after 4"),
        (request([IMAGE], ONE, parameters={"timeout": -1}), 400, "parameters.timeout is -1"),
        (request([IMAGE], ONE, parameters={"timeout": "5"}), 400, "parameters.timeout is '5'"),
        (request([IMAGE], ONE, parameters={"orientation": "up"}), 400, "orientation is 'up'"),
        (request([IMAGE], ONE, id=7), 400, "id is 7"),
        (request([IMAGE], ONE, model_name="street"), 400, "the URL says toy"),
        (request([IMAGE], ONE, model_version="9"), 400, "1.0 answers this URL"),
        (request([IMAGE], ONE, outputs=[{"name": "pose"}]), 400, "outputs.0.name is 'pose'"),
        (request([IMAGE], ONE, outputs=[{"name": "flow"}]), 400, "send the input next_image"),
        (request([IMAGE], ONE, outputs=[{"name": "depth"}] * 2), 400, "outputs has depth more"),
        (request([IMAGE], ONE, outputs=[{"name": "depth"}] * 17), 400, "at most 16 items"),
        (pixels_of([1, 2, 2, 3], 11), 400, "has 11 bytes, expected 12 of UINT8 [1, 2, 2, 3]"),
        (pixels_of([1, 2, 2, 4], 16), 400, "expected [B, H, W, 3]"),
        (pixels_of([1, 2**40, 2**40, 3], 12), 400, "expected [B, H, W, 3]"),
        (pixels_of([1, 2**31 - 1, 2**31 - 1, 3], 12), 400, "has 12 bytes, expected 138350580"),
        (pixels_of([1, 0, 2, 3], 0), 400, "of shape [1, 0, 2, 3]"),
        (pixels_of([1, 1, 4097, 3], 3 * 4097), 413, "image[0]: image is 1x4097 (HxW)"),
        (numbers([1, 1, 1, 3], [1, 2]), 400, "has 2 values, expected 3"),
        (numbers([1, 1, 1, 3], [1, 2, 256]), 400, "run from 1 to 256"),
        (numbers([1, 1, 1, 3], [1, -2, 3]), 400, "run from -2 to 3"),
        (numbers([1, 1, 1, 3], [1, 2, 10**400]), 400, "0 to 255"),
        (numbers([1, 1, 1, 3], [1, 2, 3.0]), 400, "not all integers"),
        (numbers([1, 1, 1, 3], [1, 2, True]), 400, "not all integers"),
        (numbers([1, 1, 1, 3], [1, 2, "3"]), 400, "not all integers"),
        (numbers([1, 1, 1, 3], [1, 2, None]), 400, "not all integers"),
        (numbers([1, 1, 1, 3], [[[1, 2, 3]]]), 400, "nested in another shape"),
        (numbers([1, 1, 1, 3], [[[[1, 2, [3]]]]]), 400, "not all integers"),
        (numbers([1, 1, 1, 3], [[[[1, 2, 3]]], 4]), 400, "nested in another shape"),
        (numbers([1, 1, 1, 3], []), 400, "has 0 values, expected 3"),
        (numbers([1, 1, 1, 3], {"a": 1}), 400, "inputs.0.data is {'a': 1}"),
        (request([tensor("image", "BYTES", [1], data=["%"])]), 400, "is not base64"),
        (request([tensor("image", "BYTES", [1], data=["é"])]), 400, "is not base64"),
        (request([tensor("image", "BYTES", [1], data=[7])]), 400, "is not a string"),
        (request([tensor("image", "BYTES", [1], data=[""])]), 415, "the image is empty"),
        ((PNG, {LENGTH: "x"}), 400, f"{LENGTH} is 'x'"),
        ((PNG, {LENGTH: "-1"}), 400, f"{LENGTH} is '-1'"),
        ((PNG, {LENGTH: "9" * 30}), 400, f"{LENGTH} is '999"),
        ((PNG, {LENGTH: "9999"}), 400, "is 9999 and the body has"),
        ((PNG, {LENGTH: "5"}), 400, "not the JSON of a request"),
        ((b"", {LENGTH: "0"}), 400, "not the JSON of a request"),
        ((PNG[:-20], {LENGTH: "0"}), 400, "image[0]: the PNG image"),
        (of_files([encoded(plain(2000, 2001, (0, 0, 0)))]), 413, "image[0]: image is 2000x2001"),
        (of_files([PNG, b"BM"]), 415, "image[1]: the image is BMP"),
        (of_files([PNG, encoded(plain(7, 7, (0, 0, 0)))]), 400, "the images are 6x10, 7x7 (HxW)"),
        (of_files([PNG], [PNG, PNG]), 400, "image has 1 images and next_image 2"),
        (of_files([PNG], [encoded(plain(7, 7, (0, 0, 0)))]), 422, "next_image[0] is 7x7 (HxW)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    client: TestClient, sent: tuple[bytes, dict[str, str]], status: int, sentence: str
) -> None:
    found, error = refusal(client, *sent)
    assert sentence in error
    assert found == status
    assert len(error) < 700


def test_a_length_that_comes_twice_is_refused(client: TestClient) -> None:
    body, headers = of_files([PNG])
    answer = client.post(URL, content=body, headers=[(LENGTH, headers[LENGTH]), (LENGTH, "0")])
    assert (answer.status_code, answer.json()["error"][:40]) == (400, f"{LENGTH} came 2 times"[:40])


def test_many_mistakes_are_counted_not_listed(client: TestClient) -> None:
    body, headers = request([IMAGE], ONE, **{f"k{i}": 1 for i in range(900)})
    status, error = refusal(client, body, headers)
    assert (status, error[-21:]) == (400, "and 897 more mistakes")


def test_json_answers_are_bounded_before_anything_runs(client: TestClient) -> None:
    image = encoded(plain(1025, 1024, (0, 0, 0)))
    body, headers = of_files([image], parameters={}, outputs=[{"name": "labels"}])
    status, error = refusal(client, body, headers)
    assert status == 422
    assert "labels as JSON would be 1049600 numbers, this server writes at most 1048576" in error


def test_a_bomb_of_brackets_costs_neither_time_nor_memory(client: TestClient) -> None:
    body = b'{"inputs":' + b"[" * (4 * 2**20 - 10)
    tracemalloc.start()
    try:
        status, _ = refusal(client, body, {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 400
    assert peak < 32 * 2**20  # the body itself, a few times over


def test_the_statistics_count_requests_images_and_nanoseconds(client: TestClient) -> None:
    def now() -> dict[str, Any]:
        found: dict[str, Any] = client.get("/v2/models/toy/stats").json()["model_stats"][0]
        return found

    before, started_ms = now(), time.time() * 1e3
    body, headers = of_files([PNG, PNG, PNG])
    assert client.post(URL, content=body, headers=headers).status_code == 200
    assert client.post(URL, content=b"{", headers={}).status_code == 400
    v1 = client.post("/v1/predict", content=PNG, headers={"Content-Type": "image/png"})
    assert v1.status_code == 200
    after = now()
    assert after["inference_count"] - before["inference_count"] == 4
    assert 1 <= after["execution_count"] - before["execution_count"] <= 4
    assert after["last_inference"] >= round(started_ms)
    for stage, count in {"success": 2, "fail": 1, "queue": 2, "compute_infer": 2}.items():
        found, earlier = after["inference_stats"][stage], before["inference_stats"][stage]
        assert found["count"] - earlier["count"] == count
        assert found["ns"] >= earlier["ns"]
    runs = sum(batch["compute_infer"]["count"] for batch in after["batch_stats"])
    assert runs == after["execution_count"]
    assert client.get("/v2/models/stats").json()["model_stats"][0]["name"] == "toy"
    assert client.get("/v2/models/toy/versions/1.0/stats").json()["model_stats"] == [after]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/toy@1.0", 404),
        ("GET", "/v2/models/toy/versions/9", 404),
        ("GET", "/v2/models/%2e%2e%2f%2e%2e/config", 404),
        ("GET", f"/v2/models/{'x' * 5000}/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", "/v2/models/toy/infer", 405),
        ("POST", "/v2/health/live", 405),
        ("POST", "/v2/repository/models/toy/load", 403),
        ("POST", "/v2/repository/models/toy/unload", 403),
    ],
)
def test_errors_below_v2_have_the_protocols_form(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    words = answer.json()
    assert list(words) == ["error"]
    assert 0 < len(words["error"]) < 6000


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": true}'])
def test_the_index_takes_an_empty_body(client: TestClient, body: bytes) -> None:
    assert client.post("/v2/repository/index", content=body).json()[0]["state"] == "READY"


@pytest.mark.parametrize("body", [b"[", b'{"ready": 1}', b'{"redy": true}'])
def test_the_index_refuses_another_body(client: TestClient, body: bytes) -> None:
    answer = client.post("/v2/repository/index", content=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
