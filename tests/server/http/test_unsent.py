"""Answers that are not taken: counted whole, each with a time of its own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from server.http.connections import Connections
from server.http.protocol import BoundedProtocol
from server.http.socket_protocol import BoundedSocket
from server.http.unsent import Unsent
from server.service import Service
from tests.server.raw_http import upgrade
from tests.server.serving import config_for, encoded, listening, plain, post_head, wait_until


class Taken:
    """A connection of which asyncio holds `buffered` bytes."""

    def __init__(self, *, limit_s: float = 60.0) -> None:
        self.dropped = asyncio.Event()
        self.buffered = 0
        self.room = Connections(max_connections=9, max_unsent_bytes=10_000)
        self.unsent = Unsent(
            self, room=self.room, limit_s=limit_s, num_buffered=lambda: self.buffered
        )

    def drop(self, reason: str) -> None:
        assert reason == "send_timeout"
        self.dropped.set()

    async def answer(self, length: int) -> None:
        """The application begins an answer of so many bytes."""

        head: Message = {
            "type": "http.response.start",
            "headers": [(b"content-length", str(length).encode())],
        }

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send(head)

        async def send(_: Message) -> None:
            return

        async def receive() -> Message:
            raise AssertionError("not asked for")

        await self.unsent.around(app)({}, receive, send)

    def pause(self, buffered: int) -> None:
        self.buffered = buffered
        self.unsent.paused()

    def resume(self) -> None:
        self.buffered = 0
        self.unsent.resumed()


def run(steps: Callable[[Taken], Awaitable[None]], **options: float) -> None:
    async def begin() -> None:
        await steps(Taken(**options))

    asyncio.run(begin())


def test_an_answer_counts_whole_until_its_last_byte_was_given_away() -> None:
    async def steps(client: Taken) -> None:
        await client.answer(1000)
        assert client.room.num_unsent_bytes == 0  # it may be quick
        client.pause(70)
        assert client.room.num_unsent_bytes == 1070
        client.resume()
        assert client.room.num_unsent_bytes == 1070  # the application has all of it still
        client.pause(30)
        client.unsent.given()
        assert client.room.num_unsent_bytes == 30
        client.resume()
        assert client.room.num_unsent_bytes == 0

    run(steps)


def test_the_time_goes_on_while_pieces_of_the_same_answer_follow() -> None:
    async def steps(client: Taken) -> None:
        await client.answer(1000)
        client.pause(70)
        client.resume()
        client.pause(70)
        await asyncio.wait_for(client.dropped.wait(), 10)

    run(steps, limit_s=0.0)


def test_the_next_answer_has_its_own_time() -> None:
    async def steps(client: Taken) -> None:
        await client.answer(1000)
        client.pause(70)
        client.unsent.given()
        client.resume()
        await client.answer(1000)  # over the same connection
        await asyncio.sleep(0)  # whatever is due, at 0 s, runs now
        await asyncio.sleep(0)
        assert not client.dropped.is_set()

    run(steps, limit_s=0.0)


def test_what_is_left_when_a_connection_closes_must_be_taken_in_time() -> None:
    async def steps(client: Taken) -> None:
        client.unsent.hurry()  # there is nothing
        client.buffered = 70
        client.unsent.hurry()
        await asyncio.wait_for(client.dropped.wait(), 10)

    run(steps, limit_s=0.0)


IMAGE = encoded(plain(1600, 2500, (1, 2, 3)))  # as .npz 36 MB


def unsent_bytes(service: Service) -> float:
    (line,) = (
        line
        for line in service.telemetry.text().decode().splitlines()
        if line.startswith("anyres_unsent_bytes ")
    )
    return float(line.split()[1])


def was_dropped(service: Service) -> bool:
    return b'dropped_total{reason="send_timeout"} 1.0' in service.telemetry.text()


def narrow(port: int) -> socket.socket:
    """A connection that takes little at once."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def test_a_client_that_took_most_of_an_answer_still_holds_all_of_it(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, narrow(port) as client:
        client.sendall(post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE)
        taken = 0
        while taken < 20_000_000:
            taken += len(client.recv(2**16))
        wait_until(lambda: unsent_bytes(service) > 36_000_000)
        while unsent_bytes(service):  # the rest
            client.recv(2**16)


def test_pipelined_answers_are_all_taken_however_slowly_the_first_was(folder: Path) -> None:
    service = Service(config_for(folder, send_timeout_s=30.0))
    request = post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE
    with listening(service) as port, narrow(port) as client:
        client.sendall(request * 2)
        with client.makefile("rb") as file:
            for _ in range(2):
                assert file.readline().startswith(b"HTTP/1.1 200")
                length = 0
                while (line := file.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                assert len(file.read(length)) == length
        wait_until(lambda: unsent_bytes(service) == 0)


def test_a_client_that_leaves_in_the_middle_of_its_answer_frees_it(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port:
        with narrow(port) as client:
            client.sendall(post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE)
            wait_until(lambda: unsent_bytes(service) > 0)
        wait_until(lambda: unsent_bytes(service) == 0)
        assert service.admission.num_requests == 0
        assert not was_dropped(service)


def test_a_closed_connection_does_not_wait_for_ever_for_its_last_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the rest of the answer were just below what asyncio minds.
    monkeypatch.setattr(BoundedProtocol, "pause_writing", lambda _: None)
    service = Service(config_for(folder, keep_alive_s=1.0, send_timeout_s=0.2))
    with listening(service) as port, narrow(port) as client:
        client.sendall(post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE)
        wait_until(lambda: was_dropped(service))


def converse(connection: socket.socket) -> None:
    """Shake hands and send one frame, as no library would: one that never reads its answer."""
    connection.sendall(upgrade("/v1/streams/ws?accept=application/x-npz"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101")
    mask = bytes(4)  # of zeros: it changes nothing
    connection.sendall(b"\x82\xff" + len(IMAGE).to_bytes(8, "big") + mask + IMAGE)


def test_a_socket_that_does_not_take_its_answer_is_cut_off(folder: Path) -> None:
    service = Service(config_for(folder, send_timeout_s=0.3))
    with listening(service) as port, narrow(port) as client:
        converse(client)  # and sends no second frame: nothing of ours waits to be sent
        wait_until(lambda: was_dropped(service))
        wait_until(lambda: len(service.streams) == 0)
        assert unsent_bytes(service) == 0


def test_a_socket_that_was_closed_does_not_wait_for_ever_for_its_last_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedSocket, "pause_writing", lambda _: None)
    service = Service(config_for(folder, send_timeout_s=0.3, stream_idle_s=0.2))
    with listening(service) as port, narrow(port) as client:
        converse(client)
        wait_until(lambda: was_dropped(service))
        assert b'streams_ended_total{reason="expired"} 1.0' in service.telemetry.text()
