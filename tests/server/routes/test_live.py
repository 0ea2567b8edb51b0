"""Videos over a WebSocket."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from server.app import create_app
from server.service import Service
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    plain,
    refusal,
    wait_until,
    wait_until_loaded,
)

URL = "/v1/streams/ws"
FIRST = encoded(plain(6, 10, (10, 20, 30)))
SECOND = encoded(plain(6, 10, (13, 18, 30)))


def ask(socket: Any, image: bytes) -> Any:
    socket.send_bytes(image)
    return socket.receive_json()


def test_frames_in_and_summaries_with_flow_out(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        hello = socket.receive_json()
        assert hello["type"] == "hello"
        assert hello["stream"]["model"] == "toy@1.0"
        first = ask(socket, FIRST)
        assert (first["type"], first["stream"]["restarted"]) == ("frame", "first_frame")
        second = ask(socket, SECOND)
        assert second["answer"]["flow"]["mean"] == pytest.approx([3.0, -2.0], abs=1e-3)
        assert second["stream"]["flow_from"] == 0
        assert second["server_timing"].startswith("decode;dur=")
        id_ = hello["stream"]["id"]
        assert client.get(f"/v1/streams/{id_}").json()["frames"] == 2
    wait_until(lambda: client.get(f"/v1/streams/{id_}").status_code == 410)


def test_another_form_follows_in_a_binary_message(client: TestClient) -> None:
    with client.websocket_connect(f"{URL}?accept=image/png&tasks=flow") as socket:
        socket.receive_json()
        assert "media" not in ask(socket, FIRST)  # no flow yet, so nothing follows
        head = ask(socket, SECOND)
        assert head["media"] == "image/png"
        assert json.loads(head["headers"]["X-Anyres-Map"])["task"] == "flow"
        assert socket.receive_bytes().startswith(b"\x89PNG")


def test_a_bad_frame_is_an_error_message_and_the_stream_goes_on(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.receive_json()
        ask(socket, FIRST)
        for bad, status, code in (
            (b"nonsense", 415, "unsupported_image"),
            (b"", 400, "malformed_image"),
            (encoded(plain(2000, 2001, (0, 0, 0))), 413, "too_many_pixels"),
        ):
            message = ask(socket, bad)
            assert message["type"] == "error"
            assert (message["error"]["status"], message["error"]["code"]) == (status, code)
        socket.send_text("what about text?")
        assert socket.receive_json()["error"]["status"] == 422
        assert ask(socket, SECOND)["stream"]["flow_from"] == 0


def test_frames_are_measured_one_by_one_not_the_connection(folder: Path) -> None:
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        with client.websocket_connect(URL) as socket:
            socket.receive_json()
            for image in (FIRST, SECOND, b"nonsense", FIRST):
                ask(socket, image)
        lines = client.get("/metrics").text.splitlines()
    count = 'anyres_request_seconds_count{route="/v1/streams/ws",status='
    assert f'{count}"200"}} 3.0' in lines
    assert f'{count}"415"}} 1.0' in lines
    assert 'anyres_infer_seconds_count{model="toy"} 3.0' in lines
    assert 'anyres_stream_frames_total{flow="true"} 2.0' in lines
    assert 'anyres_streams_ended_total{reason="closed"} 1.0' in lines


def test_an_engine_failure_is_an_error_message_too(folder: Path, gate: Gate) -> None:
    gate.open.set()
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        with client.websocket_connect(URL) as socket:
            socket.receive_json()
            failure = ask(socket, encoded(plain(13, 13, (0, 0, 0))))
            assert failure["error"]["status"] == 500
            assert ask(socket, FIRST)["type"] == "frame"


def test_the_latest_frame_wins_if_the_client_wishes(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        with client.websocket_connect(f"{URL}?latest=true") as socket:
            socket.receive_json()
            socket.send_bytes(FIRST)
            assert gate.entered.wait(10)
            for red in (1, 2, 3, 14):
                socket.send_bytes(encoded(plain(6, 10, (red, 20, 30))))
            socket.send_text("this one is the latest")
            wait_until(
                lambda: b"anyres_stream_frames_dropped_total 4.0" in service.telemetry.text()
            )
            gate.open.set()
            assert socket.receive_json()["stream"]["frame"] == 0
            assert socket.receive_json()["error"]["code"] == "unusable"
            answer = ask(socket, SECOND)
            assert (answer["dropped"], answer["stream"]["frame"]) == (4, 1)
    assert gate.sizes == [(6, 10), (6, 10)]


def test_without_that_wish_every_frame_is_answered(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        with client.websocket_connect(URL) as socket:
            socket.receive_json()
            for red in (10, 11, 13, 16):
                socket.send_bytes(encoded(plain(6, 10, (red, 20, 30))))
            gate.open.set()
            flows = [socket.receive_json()["answer"]["flow"] for _ in range(4)]
    assert [round(flow["mean"][0]) for flow in flows[1:]] == [1, 2, 3]


def test_a_stream_that_is_closed_elsewhere_ends_the_connection_with_its_reason(
    client: TestClient,
) -> None:
    with client.websocket_connect(URL) as socket:
        id_ = socket.receive_json()["stream"]["id"]
        assert client.delete(f"/v1/streams/{id_}").status_code == 204
        message = socket.receive_json()
        assert (message["error"]["status"], message["error"]["code"]) == (410, "stream_gone")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1001


def test_an_idle_connection_is_closed_with_its_reason(folder: Path) -> None:
    service = Service(config_for(folder, stream_idle_s=0.2))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        with client.websocket_connect(URL) as socket:
            socket.receive_json()
            assert "no frame for 0.2 s" in socket.receive_json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("?model=nobody", 404, "served are toy@1.0"),
        ("?accept=text/html", 406, "Accept is 'text/html'"),
        ("?accept=image/png", 422, "a data PNG holds one map"),
        ("?tasks=pose", 422, "tasks is 'pose'"),
        ("?depth=metric", 422, "depth=metric was asked for"),
        ("?latest=perhaps", 422, "latest is 'perhaps'"),
        ("?colour=red", 422, "'colour' is no parameter here"),
    ],
)
def test_what_no_frame_could_be_given_is_refused_in_the_handshake(
    client: TestClient, query: str, status: int, message: str
) -> None:
    answer = refusal(client, URL + query)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_pages_of_other_origins_may_not_connect(client: TestClient, folder: Path) -> None:
    def origin(name: str) -> dict[str, str]:
        return {"Origin": name}

    assert refusal(client, URL, headers=origin("https://example.org")).status_code == 403
    with client.websocket_connect(URL, headers=origin("http://testserver")) as socket:
        assert socket.receive_json()["type"] == "hello"
    service = Service(config_for(folder, cors_origins=("https://example.org",)))
    with TestClient(create_app(service)) as named:
        wait_until_loaded(service)
        with named.websocket_connect(URL, headers=origin("https://example.org")) as socket:
            assert socket.receive_json()["type"] == "hello"
