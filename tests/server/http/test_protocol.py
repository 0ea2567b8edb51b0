"""Slow, large, silent and half-closed connections, over real sockets."""

import json
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.raw_http import drip
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    listening,
    plain,
    post_head,
    read_answer,
    wait_until,
    wait_until_loaded,
)

IMAGE = encoded(plain(20, 20, (40, 40, 40)))
HEALTH = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def error_of(connection: socket.socket) -> tuple[int, str]:
    status, body = read_answer(connection)
    error = json.loads(body)["error"]
    assert error["status"] == status
    assert error["request_id"]
    return status, error["code"]


def dropped(service: Service, reason: str) -> bool:
    return f'connections_dropped_total{{reason="{reason}"}}'.encode() in service.telemetry.text()


def is_closed(connection: socket.socket) -> bool:
    return connection.recv(1) == b""


def test_headers_that_trickle_are_408_by_an_absolute_deadline(folder: Path) -> None:
    service = Service(config_for(folder, head_timeout_s=0.4))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        answer = drip(connection, lambda number: b"X-%d: 1\r\n" % number)
        assert (answer.status, answer.code) == (408, "head_too_slow")
        assert is_closed(connection)
        assert dropped(service, "head_timeout")


def test_the_deadline_holds_for_the_second_request_too(folder: Path) -> None:
    service = Service(config_for(folder, head_timeout_s=0.4))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(HEALTH)
        assert read_answer(connection)[0] == 200
        connection.sendall(HEALTH[:20])
        assert error_of(connection) == (408, "head_too_slow")


def test_a_silent_connection_is_closed_without_a_word(folder: Path) -> None:
    service = Service(config_for(folder, head_timeout_s=0.2))
    with listening(service) as port, connect(port) as connection:
        assert is_closed(connection)


def test_a_body_that_no_route_reads_does_not_hold_the_connection(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(1000).replace(b"POST /v1/predict", b"POST /livez", 1))
        assert error_of(connection) == (405, "method_not_allowed")
        assert is_closed(connection)  # though 1000 bytes never came


@pytest.mark.parametrize(
    "flood",
    [
        b"GET /livez HTTP/1.1\r\n" + b"X-A: 1\r\n" * 5000,
        b"GET /livez HTTP/1.1\r\nX-A: " + b"a" * 40_000,
        b"GET /" + b"a" * 40_000,
    ],
)
def test_a_flood_of_headers_is_431(folder: Path, flood: bytes) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(flood)
        assert error_of(connection) == (431, "head_too_large")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00 TLS\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",  # no Host
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: \x00\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400(folder: Path, nonsense: bytes) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(nonsense)
        assert error_of(connection) == (400, "malformed_body")


def test_many_slow_connections_do_not_shut_out_a_quick_one(folder: Path) -> None:
    service = Service(config_for(folder, max_connections=20))
    with listening(service) as port, ExitStack() as kept:
        head, body = (kept.enter_context(connect(port)) for _ in range(2))
        head.sendall(HEALTH[:20])
        body.sendall(post_head(1000) + b"\x89PNG")
        wait_until(lambda: service.arriving.num_bytes == 4)
        for _ in range(60):
            slow = kept.enter_context(connect(port))
            with suppress(ConnectionError):  # some are dropped before they have said anything
                slow.sendall(HEALTH[:20])
        for _ in range(3):
            with connect(port) as quick:
                quick.sendall(post_head(len(IMAGE)) + IMAGE)
                assert read_answer(quick)[0] == 200
        assert dropped(service, "crowded")
        assert error_of(head) == (408, "head_too_slow")
        assert error_of(body) == (408, "body_too_slow")
    assert service.arriving.num_bytes == 0


def test_bodies_that_trickle_take_no_place_in_the_house(folder: Path) -> None:
    service = Service(config_for(folder, max_queue=2))
    with listening(service) as port, ExitStack() as kept:
        slow = [kept.enter_context(connect(port)) for _ in range(10)]
        for connection in slow:
            connection.sendall(post_head(1000) + b"\x89PNG")
        wait_until(lambda: service.arriving.num_bytes == 40)
        with connect(port) as quick:
            quick.sendall(post_head(len(IMAGE)) + IMAGE)
            assert read_answer(quick)[0] == 200


def test_bytes_that_arrive_are_bounded_together(folder: Path) -> None:
    service = Service(config_for(folder, max_arriving_bytes=100))
    with listening(service) as port, connect(port) as first, connect(port) as second:
        first.sendall(post_head(1000) + b"\x89PNG" + bytes(56))
        wait_until(lambda: service.arriving.num_bytes == 60)
        second.sendall(post_head(1000) + b"\x89PNG" + bytes(56))
        assert error_of(second) == (429, "queue_full")


def test_half_closed_predictions_leave_the_queue_at_once(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with listening(service) as port, connect(port) as first, connect(port) as second:
        first.sendall(post_head(len(IMAGE)) + IMAGE)
        assert gate.entered.wait(10)
        second.sendall(post_head(len(IMAGE)) + IMAGE)
        wait_until(lambda: service.open_model().worker.num_waiting == 1)
        second.shutdown(socket.SHUT_WR)  # it still listens, but nobody can tell
        wait_until(lambda: service.open_model().worker.num_waiting == 0)
        gate.open.set()
        assert read_answer(first)[0] == 200
    assert gate.sizes == [(20, 20)]


def test_the_name_of_a_field_cannot_forge_a_line_of_the_log(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(config_for(folder))
    form = b'--x\r\nContent-Disposition: form-data; name="a\x0a12:00 INFO"\r\n\r\n1\r\n--x--\r\n'
    with TestClient(create_app(service)) as client, caplog.at_level("DEBUG"):
        wait_until_loaded(service)
        answer = client.post(
            "/v1/predict?model=a%0Ab",
            content=form,
            headers={"Content-Type": "multipart/form-data; boundary=x", "X-Request-Id": "a\tb"},
        )
    assert answer.status_code in (400, 422)
    assert all("\n" not in r.getMessage() for r in caplog.records if r.name.startswith("anyres"))
