"""Streams while models come and go."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from starlette.testclient import TestClient

from models.bundle_folder import write_bundle
from models.runtime.protocol import FlowMaps
from server.app import create_app
from server.config import ServerConfig
from server.service import Service
from tests.server.serving import encoded, plain, wait_until
from tests.server.shelf import put
from tests.toy_bundle import toy_bundle

FIRST = encoded(plain(6, 10, (10, 20, 30)))
SECOND = encoded(plain(6, 10, (13, 18, 30)))  # flow (3, -2)


def put_without_flow(root: Path, toy: Path, version: str) -> None:
    """The toy, which now knows segmentation and depth alone."""
    unfinished = root / ".new"
    unfinished.mkdir()
    graph = onnx.load(toy / "frame.onnx")
    for output in [one for one in graph.graph.output if one.name.startswith("features_")]:
        graph.graph.output.remove(output)
    onnx.save(graph, unfinished / "frame.onnx")
    whole = toy_bundle()
    frame = whole.graphs["frame"]
    kept = tuple(port for port in frame.outputs if not port.name.startswith("features_"))
    frame = type(frame)(file=frame.file, inputs=frame.inputs, outputs=kept)
    write_bundle(
        unfinished,
        toy_bundle(version=version, tasks=("segmentation", "depth"), graphs={"frame": frame}),
    )
    unfinished.rename(root / "toy" / version)


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[tuple[TestClient, Service, Path]]:
    put(tmp_path, folder, "toy", "1.0")
    settings: dict[str, Any] = {"engine": "onnxruntime", "threads": 1, "calibrate_s": 0.0}
    service = Service(ServerConfig(model_folder=tmp_path, watch_s=0.05, **settings))
    with TestClient(create_app(service)) as client:
        wait_until(lambda: answering(service) == "toy@1.0")
        yield client, service, tmp_path


def answering(service: Service) -> str:
    return str(service.model)


def opened(client: TestClient, query: str = "") -> str:
    return str(client.post(f"/v1/streams{query}").json()["id"])


def frame(client: TestClient, id_: str, image: bytes) -> Any:
    return client.post(f"/v1/streams/{id_}/frames", content=image)


def test_flow_starts_again_when_a_new_version_answers(
    served: tuple[TestClient, Service, Path], folder: Path
) -> None:
    client, service, root = served
    id_, loyal = opened(client), opened(client, "?model=toy@1.0")
    for one in (id_, loyal):
        assert frame(client, one, FIRST).status_code == 200
    old_bytes = service.streams.num_bytes
    put(root, folder, "toy", "2.0")
    wait_until(lambda: answering(service) == "toy@2.0")
    answer = frame(client, id_, SECOND).json()
    assert (answer["flow"], answer["model"]["version"]) == (None, "2.0")
    assert answer["stream"]["restarted"] == "model_changed"
    assert frame(client, id_, FIRST).json()["flow"]["mean"] == pytest.approx([-3.0, 2.0], abs=1e-3)
    assert service.streams.num_bytes == old_bytes  # in place of the old ones, not beside them
    gone = frame(client, loyal, SECOND)  # asked for a version that is not served any more
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_model")


def test_a_frame_that_came_before_the_new_version_is_answered_by_the_old_one(
    served: tuple[TestClient, Service, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, service, root = served
    id_ = opened(client)
    assert frame(client, id_, FIRST).status_code == 200
    assert service.model is not None
    runtime = service.model.selection.runtime
    flow = runtime.flow

    def change_meanwhile(*arguments: Any) -> FlowMaps:
        put(root, folder, "toy", "2.0")
        wait_until(lambda: answering(service) == "toy@2.0")
        return flow(*arguments)

    monkeypatch.setattr(runtime, "flow", change_meanwhile)
    answer = frame(client, id_, SECOND).json()
    assert (answer["stream"]["flow_from"], answer["model"]["version"]) == (0, "1.0")
    answer = frame(client, id_, FIRST).json()
    assert (answer["stream"]["restarted"], answer["model"]["version"]) == ("model_changed", "2.0")


def test_a_version_without_flow_ends_what_streams_are_for_and_says_so(
    served: tuple[TestClient, Service, Path], folder: Path
) -> None:
    client, service, root = served
    id_ = opened(client)
    assert frame(client, id_, FIRST).status_code == 200
    with client.websocket_connect("/v1/streams/ws") as socket:
        assert socket.receive_json()["type"] == "hello"
        put_without_flow(root, folder, "2.0")
        wait_until(lambda: answering(service) == "toy@2.0")
        socket.send_bytes(FIRST)
        over_socket = socket.receive_json()
    for error, status in (
        (over_socket["error"], over_socket["error"]["status"]),
        (json.loads((late := frame(client, id_, SECOND)).text)["error"], late.status_code),
        (json.loads((new := client.post("/v1/streams")).text)["error"], new.status_code),
    ):
        assert (status, error["code"]) == (422, "unusable")
        assert "toy has segmentation,depth, but streams are for flow" in error["message"]
