"""Names of models as strangers write them: looked up, never made into a path."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from models.bundle import NAME
from server.config import ServerConfig
from server.service import Service
from tests.server.raw_http import ask, head, upgrade
from tests.server.serving import encoded, listening, plain
from tests.server.shelf import put

IMAGE = encoded(plain(4, 4, (1, 2, 3)))
LENGTH = f"Content-Length: {len(IMAGE)}"
KEY = "an-admin-key-of-32-characters---"
NAMES = [
    "..",
    ".",
    "../outside",
    "..%2foutside",
    "%2e%2e%2foutside",
    "%2e%2e/outside",
    "..%5coutside",
    "..%252foutside",
    "toy/../../outside",
    "%2fetc%2fpasswd",
    "toy%00",
    "toy%0a",
    "%20toy",
    "toy%20",
    "toy%C3%A9",
    "%EF%BC%8E%EF%BC%8E",  # full-width dots
    "x" * 65,
    "toy@../../outside",
    "toy@..%2f..%2foutside",
    "toy@",
    "@1.0",
    "toy@1.0@1.0",
    "~root",
    "$HOME",
    "*",
    "file:%2f%2f%2fetc%2fpasswd",
]


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Service]]:
    """A model folder with one model, and a whole bundle beside it that is not for serving."""
    root = tmp_path_factory.mktemp("names")
    put(root / "models", folder, "toy", "1.0")
    put(root, folder, "outside", "1.0", at="outside")
    config = ServerConfig(
        model_folder=root / "models",
        engine="onnxruntime",
        threads=1,
        codec_threads=1,
        calibrate_s=0.0,
        watch_s=0.0,
        manage_models=True,
        admin_key=SecretStr(KEY),
    )
    service = Service(config)
    with listening(service) as port:
        yield port, service


def requests(name: str) -> Iterator[bytes]:
    """Everywhere that a name goes."""
    admin = f"X-Admin-Key: {KEY}"
    yield head("POST", f"/v1/predict?model={name}", LENGTH) + IMAGE
    yield head("POST", f"/v1/streams?model={name}", "Content-Length: 0")
    yield upgrade(f"/v1/streams/ws?model={name}")
    yield head("GET", f"/v1/models/{name}")
    yield head("POST", f"/v1/models/{name}/load", admin, "Content-Length: 0")
    yield head("POST", f"/v1/models/{name}/unload", admin, "Content-Length: 0")
    yield head("POST", f"/v1/models/toy/load?version={name}", admin, "Content-Length: 0")
    yield head("POST", f"/v2/models/{name}/infer", LENGTH) + IMAGE
    yield head("GET", f"/v2/models/{name}/config")
    yield head("POST", f"/v2/repository/models/{name}/load", admin, "Content-Length: 0")


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_folder(served: tuple[int, Service], name: str) -> None:
    port, service = served
    for request in requests(name):
        answer = ask(port, request)
        if answer.status == 307:  # a slash too many at the end, without it there is nothing
            continue
        assert answer.status in (400, 403, 404, 405, 422), request.split(b"\r\n")[0]
        assert b"root:" not in answer.body
        assert answer.headers["x-request-id"]
    assert [str(model) for model in service.keeper.roster] == ["toy@1.0"]
    listed = json.loads(ask(port, head("GET", "/v1/models")).body)
    assert [one["name"] for one in listed["models"]] == ["toy"]
    assert listed["others"] == []


def test_the_names_that_there_are_have_one_pattern() -> None:
    good = ["toy", "a", "A-b_c.9", "x" * 64]
    assert all(NAME.fullmatch(name) for name in good)
    for name in ("", "x" * 65, "a b", "a/b", "a\\b", "a\n", "\0", "é", "a@b", "a%b"):
        assert not NAME.fullmatch(name)


def test_the_pattern_of_urls_ends_at_the_end(served: tuple[int, Service]) -> None:
    """`$` alone would let a line end through."""
    port, _ = served
    answer = ask(port, head("POST", "/v1/predict?model=toy%0a", LENGTH) + IMAGE)
    assert (answer.status, answer.code) == (422, "unusable")
    assert ask(port, head("POST", "/v1/predict?model=toy", LENGTH) + IMAGE).status == 200
