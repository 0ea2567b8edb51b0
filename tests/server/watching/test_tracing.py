"""Spans of a request, one for each stage, under the trace of whoever called."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.errors import ServerError
from server.service import Service
from server.watching.tracing import start_tracing
from tests.server.serving import config_for, encoded, plain, wait_until_loaded

IMAGE = encoded(plain(20, 10, (30, 30, 30)))
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a collector, and the bodies that it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def traced(
    folder: Path, headers: dict[str, str], *, sample: float = 1.0
) -> list[dict[str, object]]:
    """The spans of one prediction, as a collector gets them."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    with collector() as (url, bodies):
        service = Service(config_for(folder, otel_endpoint=url, otel_sample=sample))
        with TestClient(create_app(service)) as client:
            wait_until_loaded(service)
            assert client.post("/v1/predict", content=IMAGE, headers=headers).is_success
    spans: list[dict[str, object]] = []
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                spans += [
                    {
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "from": span.start_time_unix_nano,
                        "to": span.end_time_unix_nano,
                        "status": next(
                            (
                                one.value.int_value
                                for one in span.attributes
                                if one.key == "http.response.status_code"
                            ),
                            0,
                        ),
                    }
                    for span in scope.spans
                ]
    return spans


def test_a_request_is_a_span_of_its_callers_trace_and_each_stage_one_below_it(folder: Path) -> None:
    spans = traced(folder, {"traceparent": f"00-{TRACE}-{CALLER}-01"}, sample=0.0)
    by_name = {span["name"]: span for span in spans}
    assert list(by_name) == ["receive", "decode", "queue", "infer", "encode", "POST /v1/predict"]
    request = by_name.pop("POST /v1/predict")
    assert (request["trace"], request["parent"], request["status"]) == (TRACE, CALLER, 200)
    for stage in by_name.values():
        assert (stage["trace"], stage["parent"]) == (TRACE, request["id"])
        assert request["from"] <= stage["from"] <= stage["to"] <= request["to"]  # type: ignore[operator]
    starts = [span["from"] for span in by_name.values()]
    assert starts == sorted(starts)  # type: ignore[type-var]


def test_without_a_caller_the_share_decides(folder: Path) -> None:
    assert len({span["trace"] for span in traced(folder, {}, sample=1.0)}) == 1
    assert traced(folder, {}, sample=0.0) == []
    assert traced(folder, {"traceparent": f"00-{TRACE}-{CALLER}-00"}) == []  # he does not trace


@pytest.mark.parametrize("wrong", ["nonsense", f"00-{'0' * 32}-{CALLER}-01", "00-x-y-01" * 999])
def test_a_traceparent_that_is_none_begins_a_new_trace(folder: Path, wrong: str) -> None:
    (request,) = [span for span in traced(folder, {"traceparent": wrong}) if not span["parent"]]
    assert request["name"] == "POST /v1/predict"


def test_a_collector_that_is_not_there_costs_no_answer(folder: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel")
    service = Service(config_for(folder, otel_endpoint="http://127.0.0.1:9"))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        assert client.post("/v1/predict", content=IMAGE).is_success


def test_without_the_extra_the_reason_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(ServerError, match=r'pip install -e "\.\[otel\]"'):
        start_tracing("http://127.0.0.1:9", sample=1.0)


UNUSED = """
import sys
import server.__main__, server.listener, server.app
from server.config import ServerConfig
from server.service import Service
Service(ServerConfig())
heavy = ("opentelemetry.sdk", "opentelemetry.exporter")  # FastAPI imports the bare interface
assert not [name for name in sys.modules if name.startswith(heavy)]
"""


def test_nothing_of_it_is_imported_where_it_is_not_configured() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNUSED], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
