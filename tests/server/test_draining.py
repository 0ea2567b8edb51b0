"""The end of a process: what finishes, what is refused, what is cut, and with which code."""

import http.client
import json
import signal
import subprocess
from pathlib import Path

from tests.server.serving import read_answer, wait_until
from tests.server.test_main import IMAGE, command, in_the_middle_of_a_request, serving


def status(port: int, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Retry-After", "")
    finally:
        connection.close()


def test_draining_ends_readiness_but_neither_life_nor_start(folder: Path) -> None:
    with (
        serving(folder, "--drain-delay-s", "30") as (process, port),
        in_the_middle_of_a_request(port) as connection,
    ):
        assert [status(port, path)[0] for path in ("/livez", "/startupz", "/readyz")] == [200] * 3
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: status(port, "/readyz")[0] == 503)
        assert [status(port, path)[0] for path in ("/livez", "/startupz")] == [200, 200]
        assert status(port, "/v1/predict", "POST", IMAGE) == (503, "5")  # new work is refused
        connection.sendall(IMAGE[20:])
        assert read_answer(connection)[0] == 200  # what had begun is answered


def test_a_request_that_does_not_end_is_cut_at_the_limit(folder: Path) -> None:
    options = ("--drain-timeout-s", "1", "--body-timeout-s", "3000", "--timeout-s", "3000")
    with serving(folder, *options) as (process, port), in_the_middle_of_a_request(port):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_server_that_has_no_model_yet_ends_with_0_too(tmp_path: Path) -> None:
    arguments = ("--model-folder", str(tmp_path), "--port", "0")
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("running on" in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_sigterm_while_the_model_loads_does_not_wait_for_it(folder: Path) -> None:
    # 3000 warm-up runs of 1 Mpx and more, which the toy takes, last far longer than the test may.
    slow = ("--warm-up", ",".join(f"1000x{4000 - i}" for i in range(3000)))
    arguments = ("--bundle", str(folder), "--port", "0", "--engine", "onnxruntime", *slow)
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("running on" in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_every_line_of_the_log_is_one_object_from_start_to_end(folder: Path) -> None:
    options = ("--bundle", str(folder), "--port", "0", "--log-format", "json")
    with subprocess.Popen(command(*options), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "serving toy 1.0" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    entries = [json.loads(line) for line in lines]
    assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, entries))
    assert any(entry["message"] == "SIGTERM: draining" for entry in entries)
