"""What only a real connection shows: slow, large and broken-off bodies."""

import json
import socket
from pathlib import Path

import numpy as np

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


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_a_client_that_leaves_takes_its_request_out_of_the_queue(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with listening(service) as port, connect(port) as first:
        first.sendall(post_head(len(IMAGE)) + IMAGE)
        assert gate.entered.wait(10)
        with connect(port) as second:
            second.sendall(post_head(len(IMAGE)) + IMAGE)
            wait_until(lambda: service.open_model().worker.num_waiting == 1)
        wait_until(lambda: service.open_model().worker.num_waiting == 0)
        wait_until(lambda: service.admission.num_requests == 1)
        gate.open.set()
        assert read_answer(first)[0] == 200
        assert b"anyres_cancelled_total 1.0" in service.telemetry.text()
    assert gate.sizes == [(20, 20)]


def test_a_body_that_trickles_is_408_by_an_absolute_deadline(folder: Path) -> None:
    service = Service(config_for(folder, body_timeout_s=0.3))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(1000))
        answer = drip(connection, lambda _: b"\x89")
    assert (answer.status, answer.code) == (408, "body_too_slow")
    assert "bytes have arrived in 0.3 s" in answer.message


def test_a_deadline_holds_while_the_body_arrives_too(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        wait_until_loaded(service)
        head = post_head(1000).replace(b"/v1/predict", b"/v1/predict?timeout_ms=100", 1)
        connection.sendall(head + b"\x89PNG")
        status, body = read_answer(connection)
    assert status == 504
    assert "no answer within 100 ms" in json.loads(body)["error"]["message"]
    assert service.admission.num_requests == service.admission.num_bytes == 0


def test_a_body_announced_too_large_is_413_before_it_is_sent(folder: Path) -> None:
    service = Service(config_for(folder, max_body_bytes=1000))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(1001))
        status, body = read_answer(connection)
    assert status == 413
    assert "1001 bytes are announced" in json.loads(body)["error"]["message"]


def test_a_body_that_grows_too_large_is_413_and_the_answer_is_read(folder: Path) -> None:
    service = Service(config_for(folder, max_body_bytes=100_000))
    piece = b"10000\r\n" + IMAGE[:20] + bytes(0x10000 - 20) + b"\r\n"
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(None))
        for _ in range(20):  # far more than the limit: none of it may reset the connection
            connection.sendall(piece)
        connection.sendall(b"0\r\n\r\n")
        status, body = read_answer(connection)
    assert status == 413
    assert "bytes have arrived" in json.loads(body)["error"]["message"]


def test_too_many_pixels_are_refused_while_the_body_still_arrives(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 3000, 3), dtype=np.uint8)
    image = encoded(noise, compress_level=0)
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(len(image)) + image[:1000])
        status, body = read_answer(connection)  # the rest was never sent
    assert status == 413
    assert "1500x3000 (HxW), 4.5 Mpx" in json.loads(body)["error"]["message"]


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind(
    folder: Path,
) -> None:
    service = Service(config_for(folder))
    with listening(service) as port:
        with connect(port) as connection:
            connection.sendall(post_head(len(IMAGE)) + IMAGE[:50])
            wait_until(lambda: service.arriving.num_bytes == 50)
            assert service.admission.num_requests == 0  # a place is for a body that is complete
        wait_until(lambda: service.arriving.num_bytes == 0)


def test_one_connection_serves_many_requests_and_survives_a_refusal(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        for body, expected in ((IMAGE, 200), (b"nonsense", 415), (IMAGE, 200)):
            connection.sendall(post_head(len(body)) + body)
            assert read_answer(connection)[0] == expected
