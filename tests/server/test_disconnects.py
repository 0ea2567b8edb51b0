"""A client that has gone: wherever its request was, nobody works for it any more."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server import pipeline
from server.answers.encode import encode_result
from server.codecs.decode import decode_image
from server.service import Service
from tests.server.raw_http import connect, read_answer
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    listening,
    plain,
    post_head,
    wait_until,
)

IMAGE = encoded(plain(20, 20, (40, 40, 40)))
REQUEST = post_head(len(IMAGE)) + IMAGE


class Door:
    """Before a function that a pool runs: it opens when the test says so, and counts."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.entered, self.open = threading.Event(), threading.Event()
        self.num_calls = 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.num_calls += 1
        self.entered.set()
        assert self.open.wait(20)
        return self._call(*arguments, **options)


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Door, Door]]:
    """Before decoding and before encoding."""
    decoding, encoding = Door(decode_image), Door(encode_result)
    monkeypatch.setattr(pipeline, "decode_image", decoding)
    monkeypatch.setattr(pipeline, "encode_result", encoding)
    yield decoding, encoding
    for door in (decoding, encoding):
        door.open.set()


def leave(connection: socket.socket, *, abruptly: bool) -> None:
    if abruptly:
        linger = b"\1\0\0\0\0\0\0\0"  # on, 0 s: a reset in place of a farewell
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()
    else:
        connection.shutdown(socket.SHUT_WR)  # half-closed: it could still read


def is_empty(service: Service) -> bool:
    house = service.admission
    return house.num_requests == house.num_bytes == house.num_pixels == 0


def cancelled(service: Service) -> float:
    return service.telemetry.registry.get_sample_value("anyres_cancelled_total") or 0.0


@pytest.mark.parametrize("abruptly", [False, True])
def test_one_that_leaves_while_its_image_is_decoded_never_reaches_the_engine(
    folder: Path, gate: Gate, doors: tuple[Door, Door], abruptly: bool
) -> None:
    decoding, _ = doors
    gate.open.set()
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(REQUEST)
        assert decoding.entered.wait(10)
        leave(connection, abruptly=abruptly)
        wait_until(lambda: cancelled(service) == 1)
        assert service.admission.num_requests == 0
        assert service.admission.num_pixels == 400  # a thread still has them
        decoding.open.set()
        wait_until(lambda: is_empty(service))
    assert gate.sizes == []


def test_one_that_leaves_while_it_waits_for_a_decoder_is_not_decoded(
    folder: Path, doors: tuple[Door, Door]
) -> None:
    decoding, encoding = doors
    encoding.open.set()
    service = Service(config_for(folder, codec_threads=1))
    with listening(service) as port, connect(port) as first, connect(port) as second:
        first.sendall(REQUEST)
        assert decoding.entered.wait(10)
        second.sendall(REQUEST)
        wait_until(lambda: service.admission.num_requests == 2)
        leave(second, abruptly=False)
        wait_until(lambda: cancelled(service) == 1)
        wait_until(lambda: service.admission.num_pixels == 400)  # of the first alone
        decoding.open.set()
        assert read_answer(first).status == 200
        wait_until(lambda: is_empty(service))
    assert decoding.num_calls == 1


def test_one_that_leaves_while_its_batch_runs_is_neither_encoded_nor_answered(
    folder: Path, gate: Gate, doors: tuple[Door, Door]
) -> None:
    decoding, encoding = doors
    decoding.open.set()
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(REQUEST)
        assert gate.entered.wait(10)
        leave(connection, abruptly=False)
        wait_until(lambda: cancelled(service) == 1)
        gate.open.set()
        wait_until(lambda: is_empty(service))
    assert encoding.num_calls == 0


def test_one_that_leaves_while_its_answer_is_encoded_leaves_nothing_behind(
    folder: Path, doors: tuple[Door, Door]
) -> None:
    decoding, encoding = doors
    decoding.open.set()
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(REQUEST)
        assert encoding.entered.wait(10)
        leave(connection, abruptly=True)
        wait_until(lambda: cancelled(service) == 1)
        assert not is_empty(service)  # until the encoder is done
        encoding.open.set()
        wait_until(lambda: is_empty(service))
        assert b'anyres_rejected_total{reason="client_gone"} 1.0' in service.telemetry.text()


def test_of_many_that_wait_those_that_leave_make_room_at_once(folder: Path, gate: Gate) -> None:
    config = config_for(folder, max_queue=10, max_batch=1)
    service = Service(config, load=lambda: gated_model(folder, gate))
    with listening(service) as port, ExitStack() as kept:
        asked = [kept.enter_context(connect(port)) for _ in range(10)]
        asked[0].sendall(REQUEST)
        assert gate.entered.wait(10)
        for connection in asked[1:]:
            connection.sendall(REQUEST)
        worker = service.open_model().worker
        wait_until(lambda: worker.num_waiting == 9)
        with connect(port) as late:
            late.sendall(REQUEST)
            assert read_answer(late).code == "queue_full"
        for connection in asked[1:9]:
            leave(connection, abruptly=False)
        wait_until(lambda: worker.num_waiting == 1)
        assert service.admission.num_requests == 2  # though nothing has been computed yet
        gate.open.set()
        assert [read_answer(one).status for one in (asked[0], asked[9])] == [200, 200]
    assert gate.sizes == [(20, 20)] * 2
    assert cancelled(service) == 8
