"""What holds for the body of a prediction holds for that of a frame, and for /v2."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.service import Service
from tests.server.raw_http import Answer, ask, chunk, connect, drip, head, read_answer
from tests.server.serving import config_for, encoded, listening, plain, wait_until

IMAGE = encoded(plain(20, 20, (40, 40, 40)))
LIMIT = 100_000
TARGETS = ["/v1/predict", "/v1/streams/ID/frames", "/v2/models/toy/infer"]


@contextmanager
def serving(folder: Path, target: str, **changes: Any) -> Iterator[tuple[Service, int, str]]:
    """A server, its port, and the target with a stream's id in it."""
    service = Service(config_for(folder, max_body_bytes=LIMIT, **changes))
    with listening(service) as port:
        if "ID" in target:
            opened = ask(port, head("POST", "/v1/streams", "Content-Length: 0"))
            target = target.replace("ID", json.loads(opened.body)["id"])
        yield service, port, target


def sentence(answer: Answer) -> str:
    """Of an error, in the form that its path has."""
    error = json.loads(answer.body)["error"]
    return str(error if isinstance(error, str) else error["message"])


@pytest.mark.parametrize("target", TARGETS)
def test_too_many_bytes_are_413_whether_announced_or_counted(folder: Path, target: str) -> None:
    with serving(folder, target) as (service, port, url):
        announced = ask(port, head("POST", url, f"Content-Length: {LIMIT + 1}"))
        assert announced.status == 413
        assert "100001 bytes are announced" in sentence(announced)
        with connect(port) as connection:
            connection.sendall(head("POST", url, "Transfer-Encoding: chunked"))
            for _ in range(LIMIT // 10_000 + 1):
                connection.sendall(chunk(IMAGE.ljust(10_000, b"\0")))
            counted = read_answer(connection)  # the body is not over
        assert counted.status == 413
        assert "bytes have arrived, this server takes at most 100000" in sentence(counted)
        wait_until(lambda: service.arriving.num_bytes == 0)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_drips_is_408(folder: Path, target: str, framing: str) -> None:
    with (
        serving(folder, target, body_timeout_s=0.3) as (service, port, url),
        connect(port) as connection,
    ):
        connection.sendall(head("POST", url, framing))
        image = IMAGE.ljust(500, b"\0")

        def byte(number: int) -> bytes:
            piece = image[number : number + 1]
            return chunk(piece) if "chunked" in framing else piece

        answer = drip(connection, byte)
        assert answer.status == 408
        assert "bytes have arrived in 0.3 s, expected the whole body" in sentence(answer)
        assert service.admission.num_requests == service.arriving.num_bytes == 0


@pytest.mark.parametrize("target", TARGETS)
def test_a_compressed_body_is_415_unless_that_is_allowed(folder: Path, target: str) -> None:
    packed = gzip.compress(IMAGE)
    lines = "Content-Encoding: gzip", f"Content-Length: {len(packed)}"
    with serving(folder, target) as (_, port, url):
        refused = ask(port, head("POST", url, *lines) + packed)
        assert refused.status == 415
        assert refused.headers["accept-encoding"] == "identity"
    bomb = gzip.compress(IMAGE + bytes(50 * LIMIT))
    assert len(bomb) < LIMIT
    lines = "Content-Encoding: gzip", f"Content-Length: {len(bomb)}"
    with serving(folder, target, inflate_bodies=True) as (service, port, url):
        burst = ask(port, head("POST", url, *lines) + bomb)
        assert burst.status == 413
        assert service.arriving.num_bytes == 0


@pytest.mark.parametrize("target", [*TARGETS, "/nothing", "/livez", "/v1/models"])
def test_an_endless_body_never_holds_a_connection(folder: Path, target: str) -> None:
    with (
        serving(folder, target, body_timeout_s=0.3) as (_, port, url),
        connect(port) as connection,
    ):
        connection.sendall(head("POST", url, "Transfer-Encoding: chunked") + chunk(b"x"))
        answer = read_answer(connection)
        assert answer.status in (404, 405, 408, 415)
        assert answer.headers["x-request-id"]
        assert connection.recv(1) == b""  # closed, though the body is not over
