"""WebSocket frames that cost more than they bring: pings, empty pieces, single letters."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect as connect_socket

from server.http.socket_protocol import FREE_FRAMES
from server.service import Service
from tests.server.raw_http import connect, read_answer, upgrade
from tests.server.serving import config_for, encoded, listening, plain, wait_until

URL = "/v1/streams/ws"
NO_MASK = bytes(4)
CLOSE = 0x8


def frame(opcode: int, data: bytes = b"", *, fin: bool = True) -> bytes:
    """As clients send it (RFC 6455, section 5.2), under a mask that changes nothing."""
    return bytes([fin << 7 | opcode, 0x80 | len(data)]) + NO_MASK + data


FLOODS = {
    "pings": [frame(0x9)],
    "pongs": [frame(0xA)],
    "texts": [frame(0x1, b"x")],
    "images of a byte": [frame(0x2, b"x")],
    "a message in empty pieces": [frame(0x2, fin=False), frame(0x0, fin=False)],
}


def frames_back(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """(opcode, content) of what the server says, until it closes."""
    with connection.makefile("rb") as file:
        while head := file.read(2):
            length = head[1]
            if length == 126:
                length = int.from_bytes(file.read(2), "big")
            yield head[0] & 0xF, file.read(length)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_crumbs_ends_its_connection_with_the_reason(folder: Path, name: str) -> None:
    first, *rest = FLOODS[name]
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(upgrade(URL))
        assert read_answer(connection).status == 101
        connection.sendall(first + (rest or [first])[0] * (2 * FREE_FRAMES))
        *_, (opcode, reason) = frames_back(connection)
        assert (opcode, int.from_bytes(reason[:2], "big")) == (CLOSE, 1008)
        wait_until(lambda: len(service.streams) == 0)
    page = service.telemetry.text()
    assert b'anyres_connections_dropped_total{reason="crumbs"} 1.0' in page


def test_a_client_that_pings_between_its_frames_stays(folder: Path) -> None:
    image = encoded(plain(20, 20, (1, 2, 3)), compress_level=0)
    service = Service(config_for(folder))
    with (
        listening(service) as port,
        connect_socket(f"ws://127.0.0.1:{port}{URL}") as live,
    ):
        assert json.loads(live.recv(timeout=10))["type"] == "hello"
        for _ in range(FREE_FRAMES // 4):
            live.ping()
        for number in range(3):
            assert live.ping().wait(10)
            live.send(image)
            assert json.loads(live.recv(timeout=10))["stream"]["frame"] == number
