"""Paths as no client library would send them: none of them goes around the key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.raw_http import ask, head, upgrade
from tests.server.serving import config_for, listening, wait_until_loaded

SECRET = "a-secret-of-32-characters-or-so-"
KEY = f"X-API-Key: {SECRET}"
ADMIN = "an-admin-key-of-32-characters---"


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    config = config_for(folder, api_keys=f"alice:{SECRET}", manage_models=True, admin_key=ADMIN)
    with listening(Service(config)) as port:
        yield port


TRICKS = [
    "/v1/models/",
    "//v1/models",
    "/v1//models",
    "/./v1/models",
    "/v1/./models",
    "/%76%31/models",
    "/v1%2fmodels",
    "/v1/models%2f",
    "/v1/models%00",
    "/v1/models%20",
    "/v1/models;livez",
    "/V1/models",
    "/livez/",
    "//livez",
    "/livez/../v1/models",
    "/livez%2f..%2fv1%2fmodels",
    "/livez%00/v1/models",
    "/livez?/../v1/models",
    "/docs/../v1/models",
    "/docs-files",
    "/metrics",
    "/metrics/",
    "/%6detrics",
    "/v1/models/toy/loading",
    "/v1/models/toy%2fx/load",
    "/v1/models//load",
    "http://x/v1/models",
    "http://x/livez",
    "x:/livez",
    "*",
    "/v2",
    "/v2/",
    "/v2/models/toy",
    "/nothing",
]


@pytest.mark.parametrize("target", TRICKS)
def test_without_the_key_a_path_is_closed_however_it_is_written(port: int, target: str) -> None:
    answer = ask(port, head("GET", target))
    if target.partition("?")[0] == "/livez":  # the query is no part of the path
        assert b'"status":"live"' in answer.body
        return
    assert answer.status == 401, target
    assert b"toy" not in answer.body
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "target",
    [
        "/docs-files/../v1/models",
        "/docs-files/%2e%2e/v1/models",
        "/docs-files/..%2fv1%2fmodels",
        "/docs-files/..%5c..%5cv1",
        "/docs-files//v1/models",
        "/docs-files//etc/passwd",
        "/docs-files/../../../../../../../../etc/passwd",
        "/docs-files/%00",
        "/docs-files/%ff",
    ],
)
def test_the_folder_that_is_open_holds_its_files_and_nothing_else(port: int, target: str) -> None:
    answer = ask(port, head("GET", target))
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "line",
    [
        "X-Forwarded-Prefix: /livez",
        "X-Original-URL: /livez",
        "X-Rewrite-URL: /livez",
        "X-Script-Name: /livez",
        "X-HTTP-Method-Override: GET",
        "Forwarded: for=127.0.0.1;host=localhost",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
    ],
)
def test_no_header_changes_the_path_or_who_asks(port: int, line: str) -> None:
    assert ask(port, head("GET", "/v1/models", line)).status == 401


@pytest.mark.parametrize("host", ["[", "a b", "x/livez?", "x#/livez", "evil.example", ""])
def test_no_host_opens_a_path_or_breaks_an_answer(port: int, host: str) -> None:
    assert ask(port, head("GET", "/v1/models", host=host)).status == 401
    assert ask(port, head("GET", "/nothing", KEY, host=host)).status == 404
    assert ask(port, upgrade("/v1/streams/ws", f"Origin: http://{host}")).status in (401, 403)


def test_a_key_in_two_headers_or_in_the_query_is_none(port: int) -> None:
    for request in (
        head("GET", f"/v1/models?api_key={SECRET}&key={SECRET}"),
        head("GET", "/v1/models", f"Cookie: X-API-Key={SECRET}"),
        head("GET", "/v1/models", "X-API-Key: wrong-key-of-many-characters", KEY),
        head("GET", "/v1/models", "Authorization: Bearer wrong-key", KEY),
    ):
        assert ask(port, request).status == 401
    assert ask(port, head("GET", "/v1/models", KEY)).status == 200


@pytest.mark.parametrize("root_path", ["/livez", "/docs-files", "/v1", "/prefix"])
def test_a_prefix_that_a_host_puts_before_our_paths_opens_nothing(
    folder: Path, root_path: str
) -> None:
    service = Service(config_for(folder, api_keys=f"alice:{SECRET}"))
    with TestClient(create_app(service), root_path=root_path) as client:
        wait_until_loaded(service)
        for path in (f"{root_path}/v1/models", "/v1/models", f"{root_path}{root_path}/v1/models"):
            answer = client.get(path)
            assert answer.status_code in (401, 404), path
            assert "toy" not in answer.text


def test_below_a_prefix_what_is_open_is_open_and_errors_keep_their_form(folder: Path) -> None:
    service = Service(config_for(folder, api_keys=f"alice:{SECRET}"))
    with TestClient(create_app(service), root_path="/prefix") as client:
        assert client.get("/prefix/livez").status_code == 200
        assert list(client.get("/prefix/v2").json()) == ["error"]
        assert isinstance(client.get("/prefix/v2").json()["error"], str)
