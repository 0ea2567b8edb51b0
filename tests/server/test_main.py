"""The process: its exit code, its last words, and how it ends."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.server.serving import encoded, plain, post_head, read_answer

IMAGE = encoded(plain(20, 20, (40, 40, 40)))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "server", *arguments]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server process that is ready, and its port."""
    options = ("--bundle", str(folder), "--port", "0", "--engine", "onnxruntime", *arguments)
    process = subprocess.Popen(command(*options), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        port = 0
        for line in process.stderr:
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if "serving toy 1.0" in line:
                break
        assert port, "it ended before it was ready"
        yield process, port
    finally:
        process.kill()
        process.communicate()


def in_the_middle_of_a_request(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    # The server answers 100 as soon as it reads the body: then the request is in the house.
    connection.sendall(post_head(len(IMAGE), "Expect: 100-continue"))
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(IMAGE[:20])
    return connection


def test_sigterm_lets_running_requests_finish_and_exits_0(folder: Path) -> None:
    with serving(folder) as (process, port), in_the_middle_of_a_request(port) as connection:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)  # the signal must come before the rest of the body
        connection.sendall(IMAGE[20:])
        assert read_answer(connection)[0] == 200
        assert process.wait(20) == 0


def test_while_draining_readiness_is_503_and_the_port_still_answers(folder: Path) -> None:
    with (
        serving(folder, "--drain-delay-s", "5") as (process, port),
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
    ):
        process.send_signal(signal.SIGTERM)
        for _ in range(200):
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            status, body = read_answer(connection)
            if status == 503:
                break
            time.sleep(0.01)
        assert (status, b"draining" in body) == (503, True)


def test_a_second_sigterm_does_not_wait(folder: Path) -> None:
    with serving(folder) as (process, port), in_the_middle_of_a_request(port):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 1


def test_a_bundle_that_was_edited_ends_the_server_with_one_line_and_1(
    folder: Path, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    graph = (tmp_path / "frame.onnx").read_bytes()
    (tmp_path / "frame.onnx").write_bytes(graph[:-1] + b"!")
    options = ("--bundle", str(tmp_path), "--port", "0")
    result = subprocess.run(command(*options), capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert re.search(r"error: .*frame\.onnx: SHA-256 is .* copy the whole bundle again$", last)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--port", "70000"],
            "--port is '70000', expected a number of at most 65535: correct it, or leave it out",
        ),
        (
            ["--port", "abc"],
            "--port is 'abc', expected a whole number: correct it, or leave it out",
        ),
        (
            ["bench", "--clients=x"],
            "--clients is 'x', expected a whole number: correct it, or leave it out",
        ),
        (["--prot", "80"], "--prot is no flag here, was --port meant? --help lists all"),
        (
            ["server"],
            "server is neither a command (predict, bench, config) nor of a flag: --help lists "
            "what there is",
        ),
        (["config", "--port"], "argument --port: expected one argument; --help lists all flags"),
        (
            ["--api-keys", "foo", "--port", "0"],
            "api_keys, entry 1: expected name:secret with a name of letters, digits and ._-: a "
            "name goes into logs",
        ),
        (
            ["--api-keys-file", "none", "--port", "0"],
            "none cannot be read (No such file or directory), expected name:secret lines: correct "
            "api_keys_file",
        ),
        (["--manage-models"], "manage_models without admin_key: set ANYRES_ADMIN_KEY"),
        (["predict"], "the following arguments are required: FILES; --help lists all flags"),
        (
            ["predict", "nothing.png"],
            "nothing.png: no such file, expected an image: correct the name",
        ),
        (
            ["predict", __file__, "--bundle", "nowhere"],
            "nowhere/bundle.json: no such file; a bundle is a folder with a bundle.json: give the "
            "folder that `python -m export` wrote",
        ),
    ],
)
def test_wrong_arguments_are_told_in_one_line_of_ours_and_the_code_is_1(
    arguments: list[str], line: str
) -> None:
    result = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60)
    assert result.stderr == f"error: {line}\n"
    assert (result.stdout, result.returncode) == ("", 1)


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = subprocess.run(
            command("--bundle", str(folder), "--port", str(port)),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"error: cannot listen on 127.0.0.1:{port} (Address already in use): choose another "
        f"--host or --port, or end what listens there"
    ]


def test_a_port_that_is_taken_while_the_model_loads_ends_the_process_in_order(
    folder: Path,
) -> None:
    unchecked = (
        "import sys, server.listener as listener; from server.__main__ import main; "
        "listener.check_address = lambda *_: None; "
    )
    with socket.create_server(("127.0.0.1", 0)) as other:
        arguments = ["--bundle", str(folder), "--port", str(other.getsockname()[1])]
        result = subprocess.run(
            [sys.executable, "-c", f"{unchecked}sys.exit(main({arguments!r}))"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert result.returncode == 1  # a signal would be negative
    assert "address already in use" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [(["--help"], 0, "usage: python -m server bench"), (["--url", "http://x"], 1, "needs aiohttp")],
)
def test_without_aiohttp_the_bench_says_how_to_get_it(
    arguments: list[str], code: int, words: str
) -> None:
    without = "import sys; sys.modules['aiohttp'] = None; from server.__main__ import main; "
    result = subprocess.run(
        [sys.executable, "-c", f"{without}sys.exit(main(['bench', *{arguments!r}]))"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == code
    assert words in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_files_are_predicted_without_a_server(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    first.write_bytes(encoded(plain(30, 40, (10, 20, 30))))
    second.write_bytes(encoded(plain(30, 40, (13, 18, 30))))
    out = tmp_path / "out"
    arguments = command(
        "predict", str(first), f"{first},{second}", "-o", str(out), "--bundle", str(folder)
    )
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "30x40 (HxW)" in result.stdout
    assert sorted(path.name for path in out.iterdir()) == [
        "000_a_depth.png",
        "000_a_segmentation.png",
        "001_a_depth.png",
        "001_a_flow.png",
        "001_a_segmentation.png",
        "sheet.png",
    ]
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.width > 4 * 400  # four columns, flow among them


def test_frames_of_a_video_are_paired_each_with_the_next(folder: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.png" for name in "abc"]
    for level, file in enumerate(files):
        file.write_bytes(encoded(plain(8, 8, (level, level, level))))
    out = tmp_path / "out"
    arguments = command(
        "predict", *map(str, files), "--pairs", "-o", str(out), "--bundle", str(folder)
    )
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert (out / "000_a_flow.png").exists()
    assert (out / "001_b_flow.png").exists()
    assert not (out / "002_c_depth.png").exists()
