"""One line for each thing that happens, and no way to forge one."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from websockets.sync.client import connect as connect_socket

from server.service import Service
from server.watching.log_format import JsonFormatter, TextFormatter
from server.watching.request_record import RequestRecord, start_record
from tests.server.raw_http import ask, upgrade
from tests.server.serving import encoded, plain
from tests.server.test_end_under_load import held_server

IMAGE = encoded(plain(20, 10, (30, 30, 30)))


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the server's loggers write as JSON."""
    page = io.StringIO()
    handler = logging.StreamHandler(page)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("anyres")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield page
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_request_is_one_object_with_its_model_pixels_and_stages(
    client: TestClient, written: io.StringIO
) -> None:
    client.post("/v1/predict?tasks=depth", content=IMAGE, headers={"X-Request-Id": "abc"})
    (line,) = written.getvalue().splitlines()
    entry = json.loads(line)
    assert {key: entry[key] for key in ("level", "request_id", "method", "route", "status")} == {
        "level": "info",
        "request_id": "abc",
        "method": "POST",
        "route": "/v1/predict",
        "status": 200,
    }
    assert (entry["model"], entry["pixels"]) == ("toy@1.0", 200)
    stages = [entry[f"{name}_s"] for name in ("receive", "decode", "queue", "infer", "encode")]
    assert all(seconds >= 0 for seconds in stages)
    assert sum(stages) <= entry["seconds"]
    assert entry["time"][10] == "T"


def test_what_is_refused_has_no_model_and_no_stages(
    client: TestClient, written: io.StringIO
) -> None:
    client.get("/nothing?key=secret")
    entry = json.loads(written.getvalue())
    assert (entry["route"], entry["status"], entry["path"]) == ("none", 404, "/nothing")
    assert "model" not in entry
    assert "secret" not in written.getvalue()


def test_lines_inside_of_a_request_carry_its_id(
    client: TestClient, service: Service, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object = None) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(service, "open_model", broken)
    assert client.post("/v1/predict", content=IMAGE, headers={"X-Request-Id": "x1"}).is_error
    lines = written.getvalue().splitlines()
    assert [json.loads(line)["request_id"] for line in lines] == ["x1", "x1"]
    assert "two\nlines" in json.loads(lines[0])["exception"]


def test_a_line_for_people_ends_with_the_id_of_the_request() -> None:
    record = logging.makeLogRecord({"msg": "POST /v1/predict 400", "levelname": "INFO"})

    def in_a_request() -> str:
        start_record(RequestRecord(request_id="abc123", method="POST", path="/", traceparent=""))
        return TextFormatter().format(record)

    assert copy_context().run(in_a_request).endswith("POST /v1/predict 400 [abc123]")
    assert TextFormatter().format(record).endswith("POST /v1/predict 400")


@given(st.text())
def test_no_text_makes_a_second_line(text: str) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (text,), "path": text})
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == text
    assert json.loads(line)["path"] == text
    plain_line = TextFormatter().format(logging.makeLogRecord({"msg": "%s", "args": (text,)}))
    assert len(plain_line.splitlines()) == 1


FULL = """
import logging
from server.watching.log_format import configure_logging
configure_logging("json")
for _ in range(100):
    logging.getLogger("anyres").error("nobody reads this")
print("alive")
"""


def test_a_full_disk_behind_the_log_does_not_end_the_process() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", FULL], stdout=subprocess.PIPE, stderr=full, text=True, timeout=60
        )
    assert (done.stdout, done.returncode) == ("alive\n", 0)


def test_query_strings_of_sockets_are_not_logged(folder: Path) -> None:
    with (
        held_server(folder) as server,
        connect_socket(f"ws://127.0.0.1:{server.port}/v1/streams/ws?tasks=depth") as live,
    ):
        live.recv(timeout=20)
        assert ask(server.port, upgrade("/nothing?word=swordfish")).status == 404
        server.process.terminate()
        assert server.process.wait(30) == 0
        assert server.process.stderr is not None
        log = server.process.stderr.read()
    assert "WEBSOCKET /v1/streams/ws 101" in log
    assert "WEBSOCKET /nothing 404" in log
    assert "tasks=depth" not in log
    assert "swordfish" not in log
    assert "ERROR" not in log  # a refusal is none of ours
