"""Upgrades that are no WebSocket handshake, or that come from the wrong page."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from starlette.routing import WebSocketRoute

from server import routes
from server.http.guard import SOCKETS
from server.service import Service
from tests.server.raw_http import ask, connect, head, read_answer, upgrade
from tests.server.serving import config_for, listening

URL = "/v1/streams/ws"


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with listening(Service(config_for(folder))) as port:
        yield port


@pytest.mark.parametrize(
    "request_",
    [
        head("GET", URL, "Connection: Upgrade", "Upgrade: websocket"),
        head("GET", URL, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        upgrade(URL, key="short"),
        upgrade(URL, key="not base64 at all!"),
        upgrade(URL).replace(b"Version: 13", b"Version: 8"),
        upgrade(URL).replace(b"GET", b"POST"),
    ],
    ids=["no version", "no key", "short key", "no base64", "old version", "POST"],
)
def test_what_is_no_handshake_is_400_in_our_form(port: int, request_: bytes) -> None:
    answer = ask(port, request_)
    assert (answer.status, answer.code) == (400, "malformed_body")
    assert answer.message.startswith("this is no WebSocket handshake")
    assert answer.headers["connection"] == "close"


def test_a_right_one_is_accepted_with_an_id(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(upgrade(URL, "X-Request-Id: mine"))
        answer = read_answer(connection)
    assert (answer.status, answer.headers["x-request-id"]) == (101, "mine")


@pytest.mark.parametrize("origin", ["http://[", "null", "http://x.evil.org", "x", "http:x"])
def test_an_origin_that_is_not_ours_is_403_however_it_is_written(port: int, origin: str) -> None:
    answer = ask(port, upgrade(URL, f"Origin: {origin}"))
    assert (answer.status, answer.code) == (403, "forbidden_origin")


@pytest.mark.parametrize(
    "target", ["/v1/predict", "/nothing", "//v1/streams/ws", f"{URL}/", "/docs-files/x", "/livez"]
)
def test_a_path_without_sockets_is_not_found_and_says_where_there_is_one(
    port: int, target: str
) -> None:
    answer = ask(port, upgrade(target))
    assert (answer.status, answer.code) == (404, "not_found")
    assert f"expected {URL}" in answer.message


def test_the_guard_knows_every_path_with_sockets() -> None:
    names = [f"{routes.__name__}.{module.name}" for module in iter_modules(routes.__path__)]
    routers = [getattr(import_module(name), "router", None) for name in names]
    found = [route for router in routers for route in getattr(router, "routes", [])]
    assert {route.path for route in found if isinstance(route, WebSocketRoute)} == SOCKETS
