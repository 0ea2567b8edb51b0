"""Answers over real connections whose clients take them slowly, or not at all."""

import socket
from pathlib import Path

import pytest

from server.http.protocol import BoundedProtocol
from server.http.socket_protocol import BoundedSocket
from server.service import Service
from tests.server.raw_http import connect, read_answer, upgrade
from tests.server.serving import config_for, encoded, listening, plain, post_head, wait_until

IMAGE = encoded(plain(1600, 2500, (1, 2, 3)))  # as .npz 36 MB


def unsent_bytes(service: Service) -> float:
    return service.telemetry.registry.get_sample_value("anyres_unsent_bytes") or 0.0


def num_dropped(service: Service, reason: str) -> float:
    value = service.telemetry.registry.get_sample_value(
        "anyres_connections_dropped_total", {"reason": reason}
    )
    return value or 0.0


def was_dropped(service: Service) -> bool:
    return num_dropped(service, "send_timeout") > 0


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


def test_a_client_that_does_not_take_its_answer_is_cut_off(folder: Path) -> None:
    service = Service(config_for(folder, send_timeout_s=0.3))
    with listening(service) as port, narrow(port) as client:
        client.sendall(post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE)
        wait_until(lambda: was_dropped(service))
        wait_until(lambda: unsent_bytes(service) == 0)


def test_pipelined_answers_are_all_taken_however_slowly_the_first_was(folder: Path) -> None:
    service = Service(config_for(folder, send_timeout_s=30.0))
    request = post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE
    with listening(service) as port, narrow(port) as client:
        client.sendall(request * 2)
        with client.makefile("rb") as file:  # one for both: it reads ahead
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


def test_beyond_the_bound_the_slowest_goes_and_the_others_stay(folder: Path) -> None:
    service = Service(config_for(folder, max_unsent_bytes=40_000_000))
    request = post_head(len(IMAGE), "Accept: application/x-npz") + IMAGE
    with listening(service) as port, narrow(port) as first, narrow(port) as second:
        first.sendall(request)
        wait_until(lambda: unsent_bytes(service) > 0)
        second.sendall(request)
        wait_until(lambda: num_dropped(service, "unsent") == 1)
        assert read_answer(second).status == 200  # to its last byte


def test_messages_of_a_socket_count_too(folder: Path) -> None:
    service = Service(config_for(folder, max_unsent_bytes=40_000_000))
    with listening(service) as port, narrow(port) as first, narrow(port) as second:
        for connection in (first, second):
            converse(connection)
        wait_until(lambda: num_dropped(service, "unsent") >= 1)
        wait_until(lambda: len(service.streams) <= 1)  # it has ended with its connection
        with connect(port) as other:
            other.sendall(post_head(len(IMAGE)) + IMAGE)
            assert read_answer(other).status == 200
