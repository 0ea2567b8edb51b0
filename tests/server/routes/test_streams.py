"""Videos over HTTP with the toy bundle, whose flow is the change of mean red and green."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from models.runtime.protocol import Features, FlowMaps
from server.app import create_app
from server.service import Service
from server.streams.stream import Stream
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    plain,
    wait_until,
    wait_until_loaded,
)

FIRST = encoded(plain(6, 10, (10, 20, 30)))
SECOND = encoded(plain(6, 10, (13, 18, 30)))  # flow (3, -2)
OTHER_SIZE = encoded(plain(6, 11, (13, 18, 30)))


def opened(client: TestClient) -> str:
    answer = client.post("/v1/streams")
    assert answer.status_code == 201
    id_: str = answer.json()["id"]
    assert answer.headers["Location"] == f"/v1/streams/{id_}"
    return id_


def frame(client: TestClient, id_: str, image: bytes, query: str = "", **headers: str) -> Any:
    return client.post(f"/v1/streams/{id_}/frames{query}", content=image, headers=headers)


def stands_in_line(stream: Stream, length: int) -> bool:
    return len(stream.turns) == length


@pytest.fixture
def served(folder: Path, gate: Gate) -> Iterator[tuple[TestClient, Service]]:
    """Behind an open gate, with room for two streams."""
    gate.open.set()
    service = Service(config_for(folder, max_streams=2), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        yield client, service


def test_a_frame_has_flow_from_the_one_before_it(client: TestClient) -> None:
    id_ = opened(client)
    first = frame(client, id_, FIRST).json()
    assert first["flow"] is None
    assert first["stream"] == {
        "id": id_,
        "frame": 0,
        "flow_from": None,
        "restarted": "first_frame",
    }
    second = frame(client, id_, SECOND).json()
    assert second["flow"]["mean"] == pytest.approx([3.0, -2.0], abs=1e-3)
    assert (second["stream"]["frame"], second["stream"]["flow_from"]) == (1, 0)
    assert second["depth"]["median"] == pytest.approx(61 / 3, abs=1e-3)  # of the new frame
    back = frame(client, id_, FIRST).json()
    assert back["flow"]["mean"] == pytest.approx([-3.0, 2.0], abs=1e-3)


def test_a_pair_and_a_stream_agree(client: TestClient) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2, 33, 47, 3), dtype=np.uint8)
    images = [encoded(image) for image in noise]
    pair = client.post("/v1/predict", files={"image": images[0], "next_image": images[1]}).json()
    id_ = opened(client)
    frame(client, id_, images[0])
    assert frame(client, id_, images[1]).json()["flow"] == pair["flow"]


def test_each_frame_is_encoded_once(served: tuple[TestClient, Service], gate: Gate) -> None:
    client, _ = served
    id_ = opened(client)
    for image in (FIRST, SECOND, FIRST, SECOND):
        assert frame(client, id_, image).status_code == 200
    assert gate.sizes == [(6, 10)] * 4


def test_flow_that_nobody_wants_is_not_computed_and_its_features_stay(
    served: tuple[TestClient, Service], gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = served
    calls: list[int] = []
    flow = gate.flow

    def counted(first: Features, second: Features, size: Any) -> FlowMaps:
        calls.append(1)
        return flow(first, second, size)

    monkeypatch.setattr(gate, "flow", counted)
    id_ = opened(client)
    frame(client, id_, FIRST)
    assert frame(client, id_, SECOND, "?tasks=depth").json()["stream"]["flow_from"] is None
    assert calls == []
    third = frame(client, id_, FIRST, "?tasks=flow").json()
    assert third["flow"]["mean"] == pytest.approx([-3.0, 2.0], abs=1e-3)
    assert calls == [1]


def test_another_size_starts_flow_again_and_says_so(client: TestClient) -> None:
    id_ = opened(client)
    frame(client, id_, FIRST)
    answer = frame(client, id_, OTHER_SIZE)
    body = answer.json()
    assert (body["flow"], body["stream"]["restarted"]) == (None, "size_changed")
    assert json.loads(answer.headers["X-Anyres-Stream"]) == body["stream"]
    assert frame(client, id_, OTHER_SIZE).json()["flow"]["mean"] == pytest.approx([0.0, 0.0])


def test_the_answer_follows_accept_and_describes_itself(client: TestClient) -> None:
    id_ = opened(client)
    assert frame(client, id_, FIRST, "?tasks=flow", Accept="image/png").status_code == 204
    answer = frame(client, id_, SECOND, "?tasks=flow", Accept="image/png")
    assert answer.headers["Content-Type"] == "image/png"
    words = json.loads(answer.headers["X-Anyres-Map"])
    assert (words["task"], words["stream"]["flow_from"]) == ("flow", 0)


def test_status_tells_how_far_a_stream_is_until_it_is_closed(client: TestClient) -> None:
    id_ = opened(client)
    before = client.get(f"/v1/streams/{id_}").json()
    assert (before["frames"], before["size"], before["feature_bytes"]) == (0, None, 0)
    assert (before["model"], before["idle_timeout_s"], before["max_mpx"]) == ("toy@1.0", 60.0, 4.0)
    frame(client, id_, FIRST)
    after = client.get(f"/v1/streams/{id_}").json()
    assert (after["frames"], after["size"]) == (1, [6, 10])
    # 16x16 padded: 3 channels of 4x4, 2x2 and 1x1 cells in float32
    assert after["feature_bytes"] == 4 * 3 * (16 + 4 + 1)
    assert client.delete(f"/v1/streams/{id_}").status_code == 204
    for answer in (
        client.get(f"/v1/streams/{id_}"),
        client.delete(f"/v1/streams/{id_}"),
        frame(client, id_, SECOND),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "stream_gone")
        assert "start again with POST /v1/streams" in answer.json()["error"]["message"]


def test_an_evicted_stream_says_so_and_the_client_starts_again(
    served: tuple[TestClient, Service],
) -> None:
    client, service = served
    first, _, _ = (opened(client) for _ in range(3))
    gone = frame(client, first, FIRST)
    assert gone.status_code == 410
    assert "made room for newer ones (at most 2 streams" in gone.json()["error"]["message"]
    assert frame(client, opened(client), FIRST).status_code == 200
    assert b'anyres_streams_ended_total{reason="evicted"} 2.0' in service.telemetry.text()


def test_an_idle_stream_gives_its_memory_back_though_nobody_asks(folder: Path) -> None:
    service = Service(config_for(folder, stream_idle_s=0.2))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        id_ = opened(client)
        frame(client, id_, FIRST)
        wait_until(lambda: service.streams.num_bytes == 0)
        answer = frame(client, id_, FIRST)
    assert answer.status_code == 410
    assert "no frame for 0.2 s and expired" in answer.json()["error"]["message"]


def test_a_bad_frame_leaves_the_stream_as_it_was(client: TestClient) -> None:
    id_ = opened(client)
    frame(client, id_, FIRST)
    for bad, status in ((b"", 400), (b"nonsense", 415), (FIRST[:-20], 400)):
        assert frame(client, id_, bad).status_code == status
    assert frame(client, id_, SECOND).json()["stream"]["flow_from"] == 0


def test_an_engine_failure_leaves_the_stream_as_it_was(
    served: tuple[TestClient, Service],
) -> None:
    client, _ = served
    id_ = opened(client)
    frame(client, id_, FIRST)
    assert frame(client, id_, encoded(plain(13, 13, (0, 0, 0)))).status_code == 500
    assert frame(client, id_, SECOND).json()["stream"]["flow_from"] == 0


def test_frames_that_come_together_are_answered_in_their_order(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(4) as pool:
        wait_until_loaded(service)
        id_ = opened(client)
        (stream,) = service.streams._streams.values()
        answers = []
        for red in range(4):  # flow in u tells from which frame it came
            image = encoded(plain(6, 10, (red**2 * 10, 0, 0)))
            answers.append(pool.submit(frame, client, id_, image))
            wait_until(partial(stands_in_line, stream, red + 1))
        gate.open.set()
        flows = [answer.result(20).json()["flow"] for answer in answers]
    assert flows[0] is None
    assert [round(flow["mean"][0]) for flow in flows[1:]] == [10, 30, 50]


def test_a_client_that_sends_far_ahead_is_told_to_wait(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(9) as pool:
        wait_until_loaded(service)
        id_ = opened(client)
        (stream,) = service.streams._streams.values()
        answers = [pool.submit(frame, client, id_, FIRST) for _ in range(8)]
        wait_until(lambda: len(stream.turns) == 8)
        late = frame(client, id_, FIRST)
        gate.open.set()
        assert [answer.result(20).status_code for answer in answers] == [200] * 8
    assert (late.status_code, late.json()["error"]["code"]) == (429, "queue_full")


def test_a_stream_that_goes_while_a_frame_waits_says_so(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(2) as pool:
        wait_until_loaded(service)
        id_ = opened(client)
        running = pool.submit(frame, client, id_, FIRST)
        assert gate.entered.wait(10)
        waiting = pool.submit(frame, client, id_, SECOND)
        (stream,) = service.streams._streams.values()
        wait_until(lambda: len(stream.turns) == 2)
        assert client.delete(f"/v1/streams/{id_}").status_code == 204
        gate.open.set()
        assert running.result(20).status_code == 200  # it had begun
        assert waiting.result(20).status_code == 410
    assert service.streams.num_bytes == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/streams?model=nobody", 404, "unknown_model"),
        ("POST", "/v1/streams?model=toy@2", 404, "unknown_model"),
        ("POST", "/v1/streams?model=../toy", 422, "unusable"),
        ("POST", "/v1/streams?tasks=depth", 422, "unusable"),
        ("GET", "/v1/streams/nobody", 404, "unknown_stream"),
        ("DELETE", "/v1/streams/nobody", 404, "unknown_stream"),
        ("POST", "/v1/streams/nobody/frames", 404, "unknown_stream"),
        ("GET", "/v1/streams/a%0Ab", 422, "unusable"),
    ],
)
def test_wrong_requests_say_what_they_are(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_frame_is_one_image(client: TestClient) -> None:
    id_ = opened(client)
    path = f"/v1/streams/{id_}/frames"
    assert client.post(path, files={"image": FIRST}).status_code == 200
    answer = client.post(path, files={"image": FIRST, "next_image": SECOND})
    assert answer.status_code == 422
    assert "field 'next_image', expected image" in answer.json()["error"]["message"]


def test_a_stream_too_large_to_keep_is_413(folder: Path) -> None:
    service = Service(config_for(folder, max_stream_bytes=1000))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        id_ = opened(client)
        assert frame(client, id_, FIRST).status_code == 200
        answer = frame(client, id_, encoded(plain(32, 32, (0, 0, 0))))
        assert answer.status_code == 413
        assert "send smaller frames" in answer.json()["error"]["message"]
        assert frame(client, id_, SECOND).json()["stream"]["flow_from"] == 0
