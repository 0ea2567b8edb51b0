"""Videos over real connections: slow bodies, lost clients, messages that are too large."""

import json
import socket
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_socket

from server.service import Service
from server.streams.stream import Stream
from tests.server.raw_http import connect
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
)

IMAGE = encoded(plain(20, 20, (40, 40, 40)))


def opened(service: Service, connection: socket.socket) -> Stream:
    connection.sendall(b"POST /v1/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    id_ = json.loads(read_answer(connection)[1])["id"]
    return service.streams.find(id_, owner="", now_s=0.0)


def frame(stream: Stream) -> bytes:
    path = f"POST /v1/streams/{stream.id}/frames".encode()
    return post_head(len(IMAGE)).replace(b"POST /v1/predict", path, 1) + IMAGE


def stand_in_line(stream: Stream, length: int) -> bool:
    return len(stream.turns) == length


def test_half_closed_frames_leave_the_queue_and_the_stream_goes_on(
    folder: Path, gate: Gate
) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))

    with listening(service) as port, connect(port) as first:
        stream = opened(service, first)
        first.sendall(frame(stream))
        assert gate.entered.wait(10)
        with connect(port) as second, connect(port) as third:
            second.sendall(frame(stream))
            wait_until(partial(stand_in_line, stream, 2))
            third.sendall(frame(stream))
            wait_until(partial(stand_in_line, stream, 3))
            second.shutdown(socket.SHUT_WR)
            wait_until(partial(stand_in_line, stream, 2))
            gate.open.set()
            assert read_answer(first)[0] == 200
            answer = json.loads(read_answer(third)[1])
    assert answer["stream"]["flow_from"] == 0
    assert gate.sizes == [(20, 20)] * 2


def test_a_slow_body_does_not_fill_the_house_with_the_frames_behind_it(folder: Path) -> None:
    service = Service(config_for(folder, max_queue=2))
    with listening(service) as port, ExitStack() as kept, connect(port) as other:
        stream = opened(service, other)
        frames = [kept.enter_context(connect(port)) for _ in range(5)]
        cut_off = len(frame(stream)) - 30
        for number, connection in enumerate(frames, start=1):
            connection.sendall(frame(stream)[: cut_off if number == 1 else None])
            wait_until(partial(stand_in_line, stream, number))
        wait_until(lambda: service.arriving.num_bytes == 5 * len(IMAGE) - 30)
        other.sendall(post_head(len(IMAGE)) + IMAGE)
        assert read_answer(other)[0] == 200  # there is room
        frames[2].close()
        wait_until(partial(stand_in_line, stream, 4))  # who waits and leaves is seen to leave
        frames[0].sendall(frame(stream)[cut_off:])
        numbers = [json.loads(read_answer(frames[i])[1])["stream"]["frame"] for i in (0, 1)]
        wait_until(partial(stand_in_line, stream, 0))
    assert numbers == [0, 1]
    assert service.arriving.num_bytes == 0


def test_a_socket_that_leaves_takes_its_frame_out_of_the_queue(folder: Path, gate: Gate) -> None:
    service = Service(config_for(folder), load=lambda: gated_model(folder, gate))
    with listening(service) as port, connect(port) as busy:
        busy.sendall(post_head(len(IMAGE)) + IMAGE)
        assert gate.entered.wait(10)
        with connect_socket(f"ws://127.0.0.1:{port}/v1/streams/ws", max_size=None) as live:
            assert json.loads(live.recv(timeout=10))["type"] == "hello"
            live.send(IMAGE)
            wait_until(lambda: service.open_model().worker.num_waiting == 1)
            live.socket.shutdown(socket.SHUT_WR)
            wait_until(lambda: service.open_model().worker.num_waiting == 0)
        wait_until(lambda: len(service.streams) == 0)
        lost = {"route": "/v1/streams/ws", "status": "499"}
        value = service.telemetry.registry.get_sample_value
        wait_until(lambda: value("anyres_request_seconds_count", lost) == 1)
        assert value("anyres_cancelled_total") == 1
        gate.open.set()
        assert read_answer(busy)[0] == 200
    assert gate.sizes == [(20, 20)]


def test_a_message_beyond_the_limit_ends_its_connection_alone(folder: Path) -> None:
    service = Service(config_for(folder, max_frame_bytes=1000))
    with listening(service) as port:
        url = f"ws://127.0.0.1:{port}/v1/streams/ws"
        with connect_socket(url) as greedy, connect_socket(url) as modest:
            for live in (greedy, modest):
                assert json.loads(live.recv(timeout=10))["type"] == "hello"
            greedy.send(bytes(1001))
            with pytest.raises(ConnectionClosed) as closed:
                greedy.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
            modest.send(IMAGE)
            assert json.loads(modest.recv(timeout=10))["type"] == "frame"
