"""SIGTERM while the engine is in the middle of something. Each step waits for the one before."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_socket

from tests.server.raw_http import ask, connect, head, read_answer
from tests.server.serving import encoded, plain, post_head, wait_until

IMAGE = encoded(plain(20, 20, (40, 40, 40)))
REQUEST = post_head(len(IMAGE)) + IMAGE


class HeldServer:
    """A process, and the door before its engine."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process, self.port = process, port

    def wait_for_engine(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "entered\n"

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def date(self) -> str:
        return ask(self.port, head("GET", "/readyz")).headers["date"]

    def end(self, sent: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait until it was heard."""
        self.process.send_signal(sent)
        wait_until(lambda: ask(self.port, head("GET", "/readyz")).status == 503)


@contextmanager
def held_server(folder: Path, *options: str) -> Iterator[HeldServer]:
    command = [sys.executable, "-m", "tests.server.held_server", "--bundle", str(folder)]
    command += ["--port", "0", "--engine", "onnxruntime", "--calibrate-s", "0", *options]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stderr is not None
    try:
        port = 0
        for line in process.stderr:
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if "serving toy 1.0" in line:
                break
        assert port, "it ended before it was ready"
        yield HeldServer(process, port)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_the_engine_and_what_waits_for_it_is_answered_and_the_code_is_0(
    folder: Path, sent: signal.Signals
) -> None:
    # With a delay the port stays open, so that the test can see that the signal was heard.
    with (
        held_server(folder, "--drain-delay-s", "1", "--max-batch", "1") as server,
        connect(server.port) as first,
        connect(server.port) as second,
    ):
        first.sendall(REQUEST)
        server.wait_for_engine()
        second.sendall(REQUEST)
        wait_until(lambda: b'anyres_queue_requests{model="toy",version="1.0"} 1.0' in page(server))
        server.end(sent)
        assert ask(server.port, REQUEST).code == "draining"  # too late
        server.let_go()
        assert read_answer(first).status == 200
        server.wait_for_engine()
        server.let_go()
        assert read_answer(second).status == 200
        assert server.process.wait(30) == 0


def page(server: HeldServer) -> bytes:
    return ask(server.port, head("GET", "/metrics")).body


def test_a_second_signal_ends_the_process_in_the_middle_of_a_batch(folder: Path) -> None:
    with (
        held_server(folder, "--drain-delay-s", "600") as server,
        connect(server.port) as connection,
    ):
        connection.sendall(REQUEST)
        server.wait_for_engine()
        server.end()
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 1  # though the engine has never come back
        assert connection.recv(1) == b""


def test_an_engine_that_does_not_come_back_is_left_at_the_limit_and_the_code_is_0(
    folder: Path,
) -> None:
    with (
        held_server(folder, "--drain-timeout-s", "1") as server,
        connect(server.port) as connection,
    ):
        connection.sendall(REQUEST)
        server.wait_for_engine()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


def test_a_frame_of_a_socket_is_answered_before_the_socket_is_closed(folder: Path) -> None:
    with (
        held_server(folder) as server,
        connect_socket(f"ws://127.0.0.1:{server.port}/v1/streams/ws") as live,
    ):
        assert json.loads(live.recv(timeout=20))["type"] == "hello"
        live.send(IMAGE)
        server.wait_for_engine()
        server.end()
        dates = {server.date()}
        # uvicorn sets its date in the loop that would close the socket: it has run, and has not.
        wait_until(lambda: len(dates.union([server.date()])) > 1)
        server.let_go()
        assert json.loads(live.recv(timeout=20))["type"] == "frame"
        with pytest.raises(ConnectionClosed) as closed:
            live.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012  # the service restarts
        assert server.process.wait(30) == 0


def test_a_socket_without_a_frame_does_not_hold_up_the_end(folder: Path) -> None:
    with (
        held_server(folder) as server,
        connect_socket(f"ws://127.0.0.1:{server.port}/v1/streams/ws") as live,
    ):
        assert json.loads(live.recv(timeout=20))["type"] == "hello"
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            live.recv(timeout=20)
        assert server.process.wait(30) == 0
