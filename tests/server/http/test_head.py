"""HEAD: what GET would answer, without its body."""

import socket
from pathlib import Path

import pytest

from server.service import Service
from tests.server.raw_http import connect, head, read_answer
from tests.server.serving import config_for, listening

LAST = head("GET", "/livez")


def answer_head(connection: socket.socket) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers. Whatever follows is the next answer's."""
    with connection.makefile("rb", buffering=0) as file:
        status = int(file.readline().split()[1])
        headers = {}
        while (line := file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
    return status, headers


@pytest.mark.parametrize(
    "path", ["/livez", "/v1/models", "/", "/metrics", "/docs-files/swagger-ui.css"]
)
def test_head_announces_what_get_sends_and_the_connection_goes_on(folder: Path, path: str) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(head("GET", path))
        expected = read_answer(connection)
        connection.sendall(head("HEAD", path) + LAST)  # a body would stand before the next answer
        status, headers = answer_head(connection)
        assert (status, headers[b"content-type"].decode()) == (
            expected.status,
            expected.headers["content-type"],
        )
        if path != "/metrics":  # which counts
            assert int(headers[b"content-length"]) == len(expected.body)
        assert read_answer(connection).status == 200
        assert b"anyres_unsent_bytes 0.0" in service.telemetry.text()


@pytest.mark.parametrize(
    ("path", "status", "allow"), [("/v1/predict", 405, b"POST"), ("/nothing", 404, None)]
)
def test_where_get_is_refused_head_is_too(
    folder: Path, path: str, status: int, allow: bytes | None
) -> None:
    with listening(Service(config_for(folder))) as port, connect(port) as connection:
        connection.sendall(head("HEAD", path) + LAST)
        found, headers = answer_head(connection)
        assert (found, headers.get(b"allow")) == (status, allow)
        assert read_answer(connection).status == 200
