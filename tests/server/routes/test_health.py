"""Starting, ready, draining, dead: four different answers."""

import threading
from pathlib import Path

from starlette.testclient import TestClient

from models.bundle import BundleError
from server.app import create_app
from server.loading.loaded_model import LoadedModel, load_model
from server.service import Service
from tests.server.serving import config_for, encoded, plain, wait_until_loaded

IMAGE = encoded(plain(4, 4, (1, 2, 3)))


def statuses(client: TestClient) -> tuple[int, int, int]:
    paths = ("/livez", "/startupz", "/readyz")
    first, second, third = (client.get(path).status_code for path in paths)
    return first, second, third


def test_from_loading_over_ready_to_draining(folder: Path) -> None:
    config = config_for(folder)
    may_load = threading.Event()

    def load() -> LoadedModel:
        assert may_load.wait(10)
        return load_model(config)

    service = Service(config, load=load)
    with TestClient(create_app(service)) as client:
        assert statuses(client) == (200, 503, 503)
        assert client.get("/v1/models").json()["models"] == []
        early = client.post("/v1/predict", content=IMAGE)
        assert (early.status_code, early.headers["Retry-After"]) == (503, "2")
        may_load.set()
        wait_until_loaded(service)
        assert statuses(client) == (200, 200, 200)
        service.draining = True
        assert statuses(client) == (200, 200, 503)
        late = client.post("/v1/predict", content=IMAGE)
        assert (late.status_code, late.json()["error"]["code"]) == (503, "draining")


def test_a_model_that_cannot_load_is_told_to_the_supervisor_and_the_client(folder: Path) -> None:
    def load() -> LoadedModel:
        raise BundleError("bundle.json: gone")

    given_up = threading.Event()
    service = Service(config_for(folder), load=load, on_failed=given_up.set)
    with TestClient(create_app(service)) as client:
        assert given_up.wait(10)
        assert statuses(client) == (503, 503, 503)
        assert client.get("/livez").json()["reason"] == "bundle.json: gone"
        assert client.post("/v1/predict", content=IMAGE).status_code == 503


def test_metrics_count_stages_rejections_and_the_engine(folder: Path) -> None:
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        client.post("/v1/predict", content=IMAGE)
        client.post("/v1/predict", content=b"nonsense")
        client.get("/a/strangers/path")
        lines = client.get("/metrics").text.splitlines()
    for stage in ("receive", "decode", "queue", "infer", "encode"):
        expected = 2 if stage == "receive" else 1
        assert f'anyres_{stage}_seconds_count{{model="toy"}} {expected}.0' in lines
    assert 'anyres_rejected_total{reason="unsupported_image"} 1.0' in lines
    assert 'anyres_request_seconds_count{route="/v1/predict",status="200"} 1.0' in lines
    assert 'anyres_request_seconds_count{route="none",status="404"} 1.0' in lines
    assert "anyres_ready 1.0" in lines
    assert 'anyres_queue_requests{model="toy",version="1.0"} 0.0' in lines
    assert 'anyres_batch_requests_count{model="toy"} 1.0' in lines
    assert 'anyres_padded_pixels_total{model="toy"} 16.0' in lines
    assert 'anyres_padding_pixels_total{model="toy"} 0.0' in lines
    assert 'anyres_cold_shapes_total{graph="frame",model="toy"} 1.0' in lines
    assert 'anyres_queue_dropped_total{model="toy",reason="expired"} 0.0' in lines
    assert any(line.startswith('anyres_measured_seconds_total{graph="frame"') for line in lines)
    assert any(line.startswith('anyres_cost_seconds{graph="flow"') for line in lines)
    assert any(line.startswith("anyres_engine_info{") and "onnxruntime" in line for line in lines)
