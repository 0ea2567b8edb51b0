"""What every answer has, whatever it says: an id; where it helps, the time to come again."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.bundle import BundleError
from server import errors
from server.app import create_app
from server.errors import RetryLater, ServerError
from server.loading.loaded_model import LoadedModel
from server.service import Service
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    plain,
    refusal,
    wait_until,
    wait_until_loaded,
)

IMAGE = encoded(plain(6, 10, (10, 20, 30)))
FAILING = encoded(plain(13, 13, (0, 0, 0)))  # see Gate
PAGE = "https://example.org"
SECRET = "a-secret-of-32-characters-or-so-"

Ask = Callable[[TestClient], Any]


@pytest.fixture(scope="module")
def pair(folder: Path) -> Iterator[TestClient]:
    """A server whose engine fails on some images, called by a page of another origin."""
    gate = Gate()
    gate.open.set()
    config = config_for(folder, cors_origins=(PAGE,), max_streams=1, stream_idle_s=3600)
    service = Service(config, load=lambda: gated_model(folder, gate))
    app = create_app(service)

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("the password is swordfish")

    with TestClient(app, raise_server_exceptions=False) as client:
        wait_until_loaded(service)
        yield client


def gone_stream(client: TestClient) -> Any:
    id_ = client.post("/v1/streams").json()["id"]
    client.delete(f"/v1/streams/{id_}")
    return client.get(f"/v1/streams/{id_}")


def first_frame_of_flow(client: TestClient) -> Any:
    id_ = client.post("/v1/streams").json()["id"]
    path = f"/v1/streams/{id_}/frames?tasks=flow"
    return client.post(path, content=IMAGE, headers={"Accept": "image/png"})


def preflight(origin: str) -> Ask:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return lambda client: client.options("/v1/predict", headers=headers)


def predict(content: bytes = IMAGE, query: str = "", **headers: str) -> Ask:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda client: client.post(f"/v1/predict{query}", content=content, headers=sent)


def get(path: str) -> Ask:
    return lambda client: client.get(path)


ANSWERS: dict[str, tuple[int, Ask]] = {
    "a summary": (200, predict()),
    "a zip": (200, predict(Accept="application/zip")),
    "a stream": (201, lambda client: client.post("/v1/streams")),
    "nothing to say": (204, first_frame_of_flow),
    "a preflight": (200, preflight(PAGE)),
    "a preflight from elsewhere": (400, preflight("https://evil.example")),
    "no image": (400, predict(b"")),
    "an unknown path": (404, get("/nothing")),
    "an unknown model": (404, predict(query="?model=nobody")),
    "a wrong method": (405, get("/v1/predict")),
    "a wrong Accept": (406, predict(Accept="text/html")),
    "a stream that is gone": (410, gone_stream),
    "too many pixels": (413, predict(encoded(plain(2000, 2001, (0, 0, 0))))),
    "a wrong type": (415, predict(Content_Type="text/plain")),
    "a wrong format": (415, predict(b"GIF89a..........")),
    "a wrong option": (422, predict(query="?tasks=pose")),
    "a failing engine": (500, predict(FAILING)),
    "a bug": (500, get("/boom")),
    "no time": (504, predict(query="?timeout_ms=0.001")),
    "a probe": (200, get("/livez")),
    "metrics": (200, get("/metrics")),
    "the playground": (200, get("/")),
    "the documentation": (200, get("/docs")),
    "a file of it": (200, get("/docs-files/swagger-ui.css")),
    "none of its files": (404, get("/docs-files/nothing")),
    "the schema": (200, get("/openapi.json")),
    "a slash too many": (200, lambda client: client.get("/v1/models/")),
    "KServe": (200, get("/v2")),
    "a path that KServe does not know": (404, get("/v2/nothing")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_an_id_and_errors_repeat_it(pair: TestClient, name: str) -> None:
    status, ask = ANSWERS[name]
    answer = ask(pair)
    assert answer.status_code == status
    for one in (*answer.history, answer):
        assert re.fullmatch(r"[0-9a-f]{32}", one.headers["X-Request-Id"])
    if status >= 400 and "preflight" not in name and "KServe" not in name:
        error = answer.json()["error"]
        assert error["request_id"] == answer.headers["X-Request-Id"]
        assert (error["status"], bool(error["code"]), bool(error["message"])) == (
            status,
            True,
            True,
        )


@pytest.mark.parametrize("name", ["a bug", "a failing engine"])
def test_what_broke_here_stays_here(
    pair: TestClient, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = pair.get("/boom") if name == "a bug" else pair.post("/v1/predict", content=FAILING)
    assert answer.status_code == 500
    for inside in ("swordfish", "does not like", "Error", "Traceback", ".py", "/work", "13"):
        assert inside not in json.loads(answer.text)["error"]["message"]
    assert "swordfish" in caplog.text or "does not like 13" in caplog.text  # there it is


def test_a_page_of_another_origin_can_read_what_broke(pair: TestClient) -> None:
    answer = pair.get("/boom", headers={"Origin": PAGE})
    assert answer.status_code == 500
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]


def test_preflights_are_counted_and_logged_like_all_others(
    pair: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="anyres.request"):
        preflight(PAGE)(pair)
    assert "OPTIONS /v1/predict 200" in caplog.messages[-1]


def test_an_id_that_came_goes_back_on_every_answer(pair: TestClient) -> None:
    headers = {"X-Request-Id": "mine-1"}
    for answer in (
        pair.get("/boom", headers=headers),
        pair.get("/nothing", headers=headers),
        pair.post("/v1/predict", content=IMAGE, headers=headers),
    ):
        assert answer.headers["X-Request-Id"] == "mine-1"


VARYING = ["a summary", "a zip", "nothing to say"]
VARYING += [name for name, (status, _) in ANSWERS.items() if status > 400]


@pytest.mark.parametrize("name", VARYING)
def test_answers_that_follow_accept_say_so(pair: TestClient, name: str) -> None:
    assert "Accept" in ANSWERS[name][1](pair).headers["Vary"].split(", ")


def error_classes() -> list[type[ServerError]]:
    return [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, ServerError)
    ]


@pytest.mark.parametrize("error", error_classes())
def test_every_429_and_503_says_when_to_come_again(error: type[ServerError]) -> None:
    assert issubclass(error, RetryLater) == (error.status in (429, 503))


def test_while_the_model_loads_everything_says_when_to_come_again(folder: Path) -> None:
    gate = threading.Event()

    def load() -> LoadedModel:
        assert gate.wait(10)
        raise BundleError("bundle.json: gone")

    service = Service(config_for(folder), load=load)
    with TestClient(create_app(service)) as client:
        for state in ("loading", "failed"):
            early = [client.post("/v1/predict", content=IMAGE), client.post("/v1/streams")]
            early += [client.get(path) for path in ("/readyz", "/startupz")]
            if state == "failed":
                early.append(client.get("/livez"))
            early.append(refusal(client, "/v1/streams/ws"))
            for answer in early:
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["Retry-After"]) >= 1
            gate.set()
            wait_until(lambda: service.failure is not None)


def test_every_refusal_of_a_busy_or_leaving_server_says_when_to_come_again(
    folder: Path, gate: Gate
) -> None:
    config = config_for(
        folder,
        max_queue=1,
        api_keys=f"a:{SECRET} requests_per_s=1000,b:{SECRET}! requests_per_s=0.001",
    )
    service = Service(config, load=lambda: gated_model(folder, gate))
    key, slow = {"X-API-Key": SECRET}, {"X-API-Key": SECRET + "!"}
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(1) as pool:
        wait_until_loaded(service)
        running = pool.submit(client.post, "/v1/predict", content=IMAGE, headers=key)
        assert gate.entered.wait(10)
        full = client.post("/v1/predict", content=IMAGE, headers=key)
        limited = [client.get("/v1/models", headers=slow) for _ in range(2)][1]
        service.draining = True
        leaving = client.post("/v1/predict", content=IMAGE, headers=key)
        for answer, status in ((full, 429), (limited, 429), (leaving, 503)):
            assert answer.status_code == status
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["X-Request-Id"]
        gate.open.set()
        assert running.result(10).status_code == 200
