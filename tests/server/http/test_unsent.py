"""Answers that nobody takes: all of what is left of them counts, also what waits in the house."""

import asyncio
import secrets
import socket
from pathlib import Path

from server.http.unsent import Unsent
from server.service import Service
from tests.server.raw_http import connect, read_answer, upgrade
from tests.server.serving import config_for, encoded, listening, plain, post_head, wait_until

IMAGE = encoded(plain(1000, 1000, (1, 2, 3)))
ARRAYS = "application/x-npz"  # 9 MB of maps


def reader(port: int) -> socket.socket:
    """A client that takes a few kilobytes and no more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def frame(data: bytes) -> bytes:
    """A binary message as clients send it (RFC 6455, section 5.2)."""
    mask = secrets.token_bytes(4)
    repeated = (mask * (len(data) // 4 + 1))[: len(data)]
    masked = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
        len(data), "big"
    )
    return b"\x82\xfe" + len(data).to_bytes(2, "big") + mask + masked


def unsent(service: Service) -> float:
    return service.telemetry.registry.get_sample_value("anyres_unsent_bytes") or 0.0


def dropped(service: Service, reason: str = "unsent") -> float:
    name, labels = "anyres_connections_dropped_total", {"reason": reason}
    return service.telemetry.registry.get_sample_value(name, labels) or 0.0


def test_an_answer_counts_whole_though_the_socket_holds_a_part_of_it(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, reader(port) as slow:
        slow.sendall(post_head(len(IMAGE), f"Accept: {ARRAYS}") + IMAGE)
        wait_until(lambda: unsent(service) > 0)
        # One map of the six is in the socket's buffer; the others wait behind it.
        assert unsent(service) > 5_000_000
        assert read_answer(slow).status == 200
        wait_until(lambda: unsent(service) == 0)


def test_beyond_the_bound_the_slowest_goes_and_the_others_stay(folder: Path) -> None:
    service = Service(config_for(folder, max_unsent_bytes=12_000_000))
    request = post_head(len(IMAGE), f"Accept: {ARRAYS}") + IMAGE
    with listening(service) as port, reader(port) as first, reader(port) as second:
        first.sendall(request)
        wait_until(lambda: unsent(service) > 0)
        second.sendall(request)
        wait_until(lambda: dropped(service) == 1)
        assert read_answer(second).status == 200  # to its last byte


def test_reading_on_slowly_does_not_extend_the_time(folder: Path) -> None:
    service = Service(config_for(folder, send_timeout_s=1.0))
    with listening(service) as port, reader(port) as slow:
        slow.sendall(post_head(len(IMAGE), f"Accept: {ARRAYS}") + IMAGE)
        wait_until(lambda: bool(slow.recv(1000)) and dropped(service, "send_timeout") == 1)


def test_messages_of_a_socket_count_too(folder: Path) -> None:
    service = Service(config_for(folder, max_unsent_bytes=12_000_000))
    target = f"/v1/streams/ws?accept={ARRAYS}&tasks=segmentation,depth"
    with listening(service) as port, reader(port) as first, reader(port) as second:
        for connection in (first, second):
            connection.sendall(upgrade(target))
            assert read_answer(connection).status == 101
            connection.sendall(frame(IMAGE))
        wait_until(lambda: dropped(service) >= 1)
        wait_until(lambda: len(service.streams) <= 1)  # it has ended with its connection
        with connect(port) as other:
            other.sendall(post_head(len(IMAGE)) + IMAGE)
            assert read_answer(other).status == 200


def test_what_an_application_announced_and_has_not_said_is_left() -> None:
    seen: list[int] = []
    left = Unsent()

    async def app(scope: object, receive: object, send: object) -> None:
        del scope, receive
        head = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": head})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"123456", "more_body": True})  # type: ignore[operator]
        seen.append(left.num_bytes)
        raise RuntimeError("it stops here")

    async def send(message: object) -> None:
        del message
        seen.append(left.num_bytes)

    async def run() -> None:
        try:
            await left.around(app)({}, None, send)  # type: ignore[arg-type]
        except RuntimeError:
            seen.append(left.num_bytes)

    asyncio.run(run())
    assert seen == [10, 10, 4, 0]
