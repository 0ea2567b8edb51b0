"""The queue, the limits and the deadlines of /v2 are those of /v1."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.kserve.tensors_sent import LENGTH, URL, of_files, of_pixels
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    listening,
    plain,
    read_answer,
    wait_until,
    wait_until_loaded,
)

PNG = encoded(plain(20, 20, (40, 40, 40)))
BODY, HEADERS = of_files([PNG])


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def gated(folder: Path, gate: Gate, **changes: Any) -> Service:
    return Service(config_for(folder, **changes), load=lambda: gated_model(folder, gate))


def head(length: int, headers: dict[str, str]) -> bytes:
    lines = (f"POST {URL} HTTP/1.1", "Host: x", f"Content-Length: {length}")
    extra = (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join((*lines, *extra, "", "")).encode()


def test_both_protocols_wait_in_one_queue(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    service = gated(folder, gate)
    body, headers = of_files([PNG, PNG])
    kind = {"Content-Type": "image/png"}
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        first = pool.submit(client.post, "/v1/predict", content=PNG, headers=kind)
        assert gate.entered.wait(10)
        second = pool.submit(client.post, URL, content=body, headers=headers)
        wait_until(lambda: service.open_model().worker.num_waiting == 2)
        assert service.admission.num_requests == 2
        assert service.admission.num_pixels == 3 * 400
        gate.open.set()
        assert first.result(10).status_code == 200
        assert second.result(10).status_code == 200


def test_more_requests_than_places_are_429_with_a_time(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    service = gated(folder, gate, max_queue=1)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        first = pool.submit(client.post, URL, content=BODY, headers=HEADERS)
        assert gate.entered.wait(10)
        refused = client.post(URL, content=BODY, headers=HEADERS)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert "1 requests are in the house" in refused.json()["error"]
        gate.open.set()
        assert first.result(10).status_code == 200
    assert service.admission.num_requests == service.admission.num_pixels == 0


def test_the_timeout_is_in_microseconds_and_drops_the_work(folder: Path, gate: Gate) -> None:
    service = gated(folder, gate)
    body, headers = of_files([PNG], parameters={"timeout": 50_000})
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        late = client.post(URL, content=body, headers=headers)
        assert late.status_code == 504
        assert "no answer within 50 ms" in late.json()["error"]
        assert "anyres_deadline_missed_total 1.0" in service.telemetry.text().decode()
        tally = client.get("/v2/models/toy/stats").json()["model_stats"][0]["inference_stats"]
        assert (tally["fail"]["count"], tally["success"]["count"]) == (1, 0)
        gate.open.set()
        wait_until(lambda: service.admission.num_pixels == 0)


def test_a_failing_image_takes_the_rest_of_its_batch_out_of_the_queue(
    folder: Path, gate: Gate
) -> None:
    service = gated(folder, gate)
    gate.open.set()
    bad = encoded(plain(13, 13, (0, 0, 0)))  # the gate's engine does not like 13
    body, headers = of_files([bad, bad, bad])
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        wait_until_loaded(service)
        answer = client.post(URL, content=body, headers=headers)
        assert answer.status_code == 500
        assert "13" not in answer.json()["error"]  # what the engine says stays inside
        body, headers = of_files([PNG])
        assert client.post(URL, content=body, headers=headers).status_code == 200
        wait_until(lambda: service.admission.num_pixels == 0)


def test_a_client_that_leaves_takes_all_its_images_out_of_the_queue(
    folder: Path, gate: Gate
) -> None:
    service = gated(folder, gate)
    body, headers = of_files([PNG, PNG, PNG])
    with listening(service) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head(len(body), headers) + body)
            assert gate.entered.wait(10)
            wait_until(lambda: service.open_model().worker.num_waiting == 2)
        wait_until(lambda: service.open_model().worker.num_waiting == 0)
        gate.open.set()
        wait_until(lambda: service.admission.num_requests == service.admission.num_pixels == 0)
        assert b"anyres_cancelled_total 1.0" in service.telemetry.text()
    assert len(gate.sizes) == 1


def test_bodies_too_large_or_too_slow_are_refused_as_they_arrive(folder: Path) -> None:
    service = Service(config_for(folder, max_body_bytes=1000, body_timeout_s=0.2))
    with listening(service) as port:
        for length, sent, status, sentence in (
            (1001, b"", 413, "1001 bytes are announced"),
            (900, b"{", 408, "1 bytes have arrived in 0.2 s"),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(head(length, {}) + sent)
                found, body = read_answer(connection)
            assert (found, json.loads(body)["error"][: len(sentence)]) == (status, sentence)
    assert service.admission.num_requests == 0


def test_a_body_without_a_length_is_counted_while_it_arrives(folder: Path) -> None:
    service = Service(config_for(folder, max_body_bytes=1000))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        answer = client.post(URL, content=iter([b"x" * 600, b"x" * 600]))
    assert answer.status_code == 413
    assert "1200 bytes have arrived" in answer.json()["error"]


def test_the_pixels_of_all_images_count_together(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    service = gated(folder, gate, max_queue_mpx=0.002)
    body, headers = of_pixels(plain(20, 20, (9, 9, 9))[None].repeat(3, axis=0))  # 1200 pixels
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        first = pool.submit(client.post, URL, content=body, headers=headers)
        assert gate.entered.wait(10)
        refused = client.post(URL, content=body, headers=headers)
        assert refused.status_code == 429
        assert "0.0 Mpx came and 0.0 Mpx are in the house" in refused.json()["error"]
        gate.open.set()
        assert first.result(10).status_code == 200


def test_images_that_are_too_many_pixels_together_are_413_before_they_are_decoded(
    folder: Path,
) -> None:
    service = Service(config_for(folder, max_queue_mpx=0.001))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        three = client.post(URL, content=of_files([PNG] * 3)[0], headers=of_files([PNG] * 3)[1])
        assert three.status_code == 413
        assert "the images are 0.0 Mpx together" in three.json()["error"]
        large = encoded(plain(40, 40, (0, 0, 0)))  # a single one follows max_mpx, as in /v1
        body, headers = of_files([large])
        assert client.post(URL, content=body, headers=headers).status_code == 200


def test_a_server_that_loads_or_stops_is_live_but_not_ready(folder: Path, gate: Gate) -> None:
    def load() -> Any:
        assert gate.open.wait(10)
        return gated_model(folder, gate)

    service = Service(config_for(folder), load=load)
    with TestClient(create_app(service)) as client:
        assert client.get("/v2/health/live").json() == {"live": True}
        for path in ("/v2/health/ready", "/v2/models/toy", "/v2/models/toy/ready"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            assert "loading" in answer.json()["error"]
        index = client.post("/v2/repository/index").json()
        assert [(entry["name"], entry["state"]) for entry in index] == [(str(folder), "LOADING")]
        gate.open.set()
        wait_until_loaded(service)
        assert client.get("/v2/health/ready").json() == {"ready": True}
        assert client.get("/v2/models/toy/ready").json() == {"name": "toy", "ready": True}
        service.draining = True
        assert client.get("/v2/health/ready").status_code == 503
        assert client.get("/v2/models/toy/ready").status_code == 503
        refused = client.post(URL, content=BODY, headers=HEADERS)
        assert (refused.status_code, LENGTH in refused.headers) == (503, False)
        assert client.get("/v2/models/toy").json()["name"] == "toy"
        index = client.post("/v2/repository/index").json()
        assert [entry["state"] for entry in index] == ["UNLOADING"]
        assert client.post("/v2/repository/index", content=b'{"ready":true}').json() == []


def test_no_model_means_not_live(tmp_path: Path) -> None:
    service = Service(config_for(tmp_path))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        answer = client.get("/v2/health/live")
    assert answer.status_code == 503
    assert "bundle.json" in answer.json()["error"]
