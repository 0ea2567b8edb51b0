"""Too many, too late, gone: what happens when the engine is busy."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    plain,
    wait_until,
    wait_until_loaded,
)

IMAGE = encoded(plain(20, 20, (40, 40, 40)))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def serve_behind(gate: Gate, folder: Path, **changes: Any) -> Service:
    return Service(config_for(folder, **changes), load=lambda: gated_model(folder, gate))


def test_beyond_the_queue_is_429_with_the_time_to_come_again(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    service = serve_behind(gate, folder, max_queue=1)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        first = pool.submit(client.post, "/v1/predict", content=IMAGE)
        assert gate.entered.wait(10)
        refused = client.post("/v1/predict", content=IMAGE)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        gate.open.set()
        assert first.result(10).status_code == 200
        assert client.post("/v1/predict", content=IMAGE).status_code == 200


def test_beyond_the_pixels_is_429_too(folder: Path, gate: Gate, pool: ThreadPoolExecutor) -> None:
    service = serve_behind(gate, folder, max_queue_mpx=0.0005)  # 500 px: one image of 400
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        first = pool.submit(client.post, "/v1/predict", content=IMAGE)
        assert gate.entered.wait(10)
        assert client.post("/v1/predict", content=IMAGE).json()["error"]["code"] == "queue_full"
        gate.open.set()
        assert first.result(10).status_code == 200
    assert service.admission.num_pixels == 0


def test_past_its_deadline_a_request_is_504_and_leaves_the_queue(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    service = serve_behind(gate, folder)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        first = pool.submit(client.post, "/v1/predict", content=IMAGE)
        assert gate.entered.wait(10)
        late = client.post("/v1/predict?timeout_ms=50", content=IMAGE)
        assert late.status_code == 504
        assert "no answer within 50 ms" in late.json()["error"]["message"]
        assert service.open_model().worker.num_waiting == 0
        gate.open.set()
        assert first.result(10).status_code == 200
        assert "anyres_deadline_missed_total 1.0" in client.get("/metrics").text
    assert gate.sizes == [(20, 20)]


def test_an_idle_server_tries_and_says_504_and_429_is_for_who_comes_behind_that(
    folder: Path, gate: Gate
) -> None:
    service = serve_behind(gate, folder)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        learned = service.keeper.roster.find("toy").worker.engine.cost.graphs["frame"]
        for _ in range(20):
            learned.observe(num_pixels=400, num_images=1, measured_s=1.0)
        for timeout_ms in (0.01, 200):
            hopeless = client.post(f"/v1/predict?timeout_ms={timeout_ms}", content=IMAGE)
            assert hopeless.status_code == 504
        behind = client.post("/v1/predict?timeout_ms=200", content=IMAGE)
        assert (behind.status_code, behind.json()["error"]["code"]) == (429, "queue_full")
        assert int(behind.headers["Retry-After"]) >= 1


def test_an_engine_failure_is_500_and_the_next_request_is_fine(folder: Path, gate: Gate) -> None:
    gate.open.set()
    service = serve_behind(gate, folder)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        bad = client.post("/v1/predict", content=encoded(plain(13, 13, (0, 0, 0))))
        assert (bad.status_code, bad.json()["error"]["code"]) == (500, "internal")
        assert client.post("/v1/predict", content=IMAGE).status_code == 200
    wait_until(lambda: not service.keeper.has_running_engines)
