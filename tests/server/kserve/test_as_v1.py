"""What holds for /v1 holds for /v2: keys, rates, bounds of bodies, counts and logs."""

import gzip
import json
import logging
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.kserve.tensors_sent import LENGTH, URL, of_files, of_pixels, read
from tests.server.serving import (
    config_for,
    encoded,
    listening,
    plain,
    read_answer,
    wait_until,
    wait_until_loaded,
)

SECRET, ADMIN = "alices-secret-of-32-characters--", "the-admin-key-is-a-long-one"
KEYS = f"alice:{SECRET}"
BEARER = {"Authorization": f"Bearer {SECRET}"}
PNG = encoded(plain(4, 4, (1, 2, 3)))
BODY, HEADERS = of_files([PNG])


def test_a_key_opens_v2_and_without_one_the_error_is_a_sentence(folder: Path) -> None:
    with TestClient(create_app(Service(config_for(folder, api_keys=KEYS)))) as client:
        wait_until_loaded(client.app.state.service)  # type: ignore[attr-defined]
        for method, path in (
            ("POST", URL),
            ("GET", "/v2"),
            ("GET", "/v2/models/toy"),
            ("GET", "/v2/models/toy/ready"),
            ("GET", "/v2/models/stats"),
            ("POST", "/v2/repository/index"),
            ("POST", "/v2/repository/models/toy/load"),
            ("GET", "/v2/nothing"),
            ("GET", "/v2/health/live/"),
        ):
            refused = client.request(method, path)
            assert refused.status_code == 401, path
            assert list(refused.json()) == ["error"]
            assert isinstance(refused.json()["error"], str)
            assert refused.headers["WWW-Authenticate"] == 'Bearer realm="anyres"'
        answer = client.post(URL, content=BODY, headers={**HEADERS, **BEARER})
        assert answer.status_code == 200
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert client.get(path).status_code == 200
        page = client.get("/metrics", headers=BEARER).text
        assert 'anyres_caller_pixels_total{caller="alice"} 16.0' in page


def test_the_probes_of_v2_can_be_closed(folder: Path) -> None:
    config = config_for(folder, api_keys=KEYS, open_health=False)
    with TestClient(create_app(Service(config))) as client:
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert client.get(path).status_code == 401
        assert client.get("/v2/health/live", headers=BEARER).status_code == 200


def test_managing_by_v2_needs_the_admin_key_alone(folder: Path) -> None:
    config = config_for(folder, api_keys=KEYS, manage_models=True, admin_key=ADMIN)
    with TestClient(create_app(Service(config))) as client:
        url = "/v2/repository/models/nobody/load"
        admin = {"Authorization": f"Bearer {ADMIN}"}
        for headers, status in (({}, 401), (BEARER, 401), (admin, 404)):
            answer = client.post(url, headers=headers)
            assert (answer.status_code, list(answer.json())) == (status, ["error"])
        assert client.post("/v2/repository/index", headers=admin).status_code == 401


def test_the_pixels_of_all_images_of_a_request_are_the_callers(folder: Path) -> None:
    service = Service(config_for(folder, mpx_per_s=1e-6, burst_s=40.0))  # 40 px at once
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        pixels = plain(4, 4, (1, 2, 3))[None]
        for (body, headers), status in (
            (of_pixels(pixels.repeat(2, axis=0)), 200),  # 32
            (of_files([PNG[:-20]]), 429),  # before anything is decoded: that would say 400
        ):
            answer = client.post(URL, content=body, headers=headers)
            assert answer.status_code == status
        assert "1e-06 Mpx per second" in answer.json()["error"]
        assert int(answer.headers["Retry-After"]) >= 1
    assert service.admission.num_pixels == 0


def test_bodies_of_both_protocols_arrive_under_one_bound(folder: Path) -> None:
    service = Service(config_for(folder, max_arriving_bytes=100))
    with listening(service) as port, ExitStack() as kept:
        first, second = (
            kept.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(2)
        )
        head = f"POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
        first.sendall(head + bytes(60))
        wait_until(lambda: service.arriving.num_bytes == 60)
        assert service.admission.num_requests == 0  # it is not in the house yet
        second.sendall(head + bytes(60))
        status, body = read_answer(second)
        assert status == 429
        assert "bodies of 0.0 MiB are arriving" in json.loads(body)["error"]
        first.close()
        wait_until(lambda: service.arriving.num_bytes == 0)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_the_header_counts_the_json_as_it_is_inflated(
    folder: Path, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    service = Service(config_for(folder, inflate_bodies=True, max_body_bytes=50_000))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        packed = {**HEADERS, "Content-Encoding": encoding}
        answer = client.post(URL, content=pack(BODY), headers=packed)
        assert answer.status_code == 200
        words, maps = read(answer.content, answer.headers)
        assert words["outputs"][0]["shape"] == [1, 4, 4]
        assert maps["depth"].shape == (1, 4, 4)
        length = int(HEADERS[LENGTH])
        for wrong in (length - 1, length + 1, len(pack(BODY[:length]))):
            answer = client.post(URL, content=pack(BODY), headers={**packed, LENGTH: str(wrong)})
            assert answer.status_code == 400
        one = {LENGTH: "0", "Content-Encoding": encoding}
        assert client.post(URL, content=pack(PNG), headers=one).status_code == 200
        bomb = client.post(URL, content=pack(bytes(10_000_000)), headers=packed)
        assert bomb.status_code == 413
        assert "inflate to 65536 and more" in bomb.json()["error"]
        half = client.post(URL, content=pack(BODY)[:-5], headers=packed)
        assert (half.status_code, list(half.json())) == (400, ["error"])
    assert service.arriving.num_bytes == service.admission.num_bytes == 0


def test_what_is_not_inflated_says_what_is_taken(folder: Path) -> None:
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        packed = {**HEADERS, "Content-Encoding": "gzip"}
        answer = client.post(URL, content=gzip.compress(BODY), headers=packed)
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")
    assert "--inflate-bodies" in answer.json()["error"]


def test_requests_are_counted_once_by_model_stage_and_reason(folder: Path) -> None:
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        assert client.post(URL, content=BODY, headers=HEADERS).status_code == 200
        assert client.post(URL, content=b"{").status_code == 400
        lines = client.get("/metrics").text.splitlines()
    for stage in ("decode", "queue", "infer", "encode"):
        assert f'anyres_{stage}_seconds_count{{model="toy"}} 1.0' in lines
    assert 'anyres_receive_seconds_count{model="toy"} 2.0' in lines
    assert 'anyres_image_pixels_sum{model="toy"} 16.0' in lines
    assert 'anyres_rejected_total{reason="malformed_body"} 1.0' in lines
    route = 'route="/v2/models/{name}/infer"'
    assert f'anyres_request_seconds_count{{{route},status="200"}} 1.0' in lines
    for task in ("depth", "segmentation"):  # a plain image: one depth all over it
        counted = f'anyres_odd_maps_total{{reason="constant",task="{task}"}} 1.0' in lines
        assert counted is (task == "depth")


def test_a_line_of_the_log_has_the_model_the_pixels_and_the_stages(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        with caplog.at_level(logging.INFO, logger="anyres.request"):
            client.post(URL, content=BODY, headers=HEADERS)
    (line,) = (vars(record) for record in caplog.records)
    assert (line["model"], line["pixels"], line["status"]) == ("toy@1.0", 16, 200)
    stages = [line[f"{name}_s"] for name in ("receive", "decode", "queue", "infer", "encode")]
    assert all(seconds >= 0 for seconds in stages)


def test_frames_and_refusals_of_v1_are_in_the_statistics(folder: Path) -> None:
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        started_ms = time.time() * 1e3
        id_ = client.post("/v1/streams").json()["id"]
        for _ in range(2):
            assert client.post(f"/v1/streams/{id_}/frames", content=PNG).status_code == 200
        with client.websocket_connect("/v1/streams/ws") as live:
            live.receive_json()
            live.send_bytes(PNG)
            assert live.receive_json()["type"] == "frame"
            live.send_bytes(b"nonsense")
            assert live.receive_json()["type"] == "error"
        assert client.post("/v1/predict", content=b"nonsense").status_code == 415
        assert client.post("/v1/predict?model=cars", content=PNG).status_code == 404
        (stats,) = client.get("/v2/models/stats").json()["model_stats"]
    counts = {name: stage["count"] for name, stage in stats["inference_stats"].items()}
    assert counts == {
        **dict.fromkeys(("success", "queue"), 3),
        **dict.fromkeys(("compute_input", "compute_infer", "compute_output"), 3),
        "fail": 2,
        "cache_hit": 0,
        "cache_miss": 0,
    }
    stages = ("queue", "compute_input", "compute_infer", "compute_output")
    parts = sum(stats["inference_stats"][stage]["ns"] for stage in stages)
    assert stats["inference_stats"]["success"]["ns"] == pytest.approx(parts, abs=10)
    assert (stats["inference_count"], stats["execution_count"]) == (3, 3)
    assert stats["batch_stats"][0]["batch_size"] == 1
    assert stats["last_inference"] >= round(started_ms)
