"""Keys: who gets in, through which door, and what is open to everybody."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.serving import config_for, encoded, plain, refusal, wait_until_loaded

ALICE, BOB = "alices-secret-of-32-characters--", "bobs-secret-of-sixteen-and-more-"
KEYS = f"alice:{ALICE},bob:{BOB}"
IMAGE = encoded(plain(4, 4, (1, 2, 3)))


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module")
def guarded(folder: Path) -> Iterator[TestClient]:
    service = Service(config_for(folder, api_keys=KEYS))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (bearer(ALICE), 200),
        ({"Authorization": f"bearer  {BOB}"}, 200),
        ({"X-API-Key": BOB}, 200),
        ({"Authorization": "Basic b3V0ZXI6cHJveHk=", "X-API-Key": BOB}, 200),
        (bearer(ALICE[:-1]), 401),
        (bearer(ALICE.upper()), 401),
        (bearer("alice"), 401),
        (bearer(""), 401),
        ({"Authorization": ALICE}, 401),
        ({"X-API-Key": "\u00e4" * 32}, 401),
    ],
)
def test_a_key_opens_the_door(guarded: TestClient, headers: dict[str, str], status: int) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = guarded.post("/v1/predict", content=IMAGE, headers=raw)  # type: ignore[arg-type]
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="anyres"'
        error = answer.json()["error"]
        assert (error["code"], error["request_id"]) == (
            "unauthorized",
            answer.headers["X-Request-Id"],
        )


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models",
        "/v1/predict",
        "/v1/streams",
        "/metrics",
        "/nothing",
        "/livez/",
        "/%6divez/../v1/models",
        "/v1/models?path=/livez",
        "/V1/MODELS",
    ],
)
def test_every_path_that_is_not_listed_is_closed(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/livez", "/readyz", "/startupz", "/", "/app.js", "/live.js", "/style.css", "/docs"],
)
def test_probes_and_pages_are_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_probes_can_be_closed_and_metrics_opened(folder: Path) -> None:
    config = config_for(folder, api_keys=KEYS, open_health=False, open_metrics=True)
    with TestClient(create_app(Service(config))) as client:
        assert client.get("/livez").status_code == 401
        assert client.get("/livez", headers=bearer(BOB)).status_code == 200
        assert client.get("/metrics").status_code == 200


def test_an_upgrade_needs_the_key_too(guarded: TestClient) -> None:
    url = "/v1/streams/ws"
    assert refusal(guarded, url).status_code == 401
    with guarded.websocket_connect(url, headers=bearer(ALICE)) as socket:
        assert socket.receive_json()["type"] == "hello"
    coded = base64.urlsafe_b64encode(BOB.encode()).decode().rstrip("=")
    protocols = ["anyres", f"anyres.key.{coded}"]
    with guarded.websocket_connect(url, subprotocols=protocols) as socket:
        accepted = str(socket.accepted_subprotocol)
        assert accepted == "anyres"  # never the one with the key
        assert socket.receive_json()["type"] == "hello"
    for wrong in (["anyres", "anyres.key.!"], ["anyres", "anyres.key."], ["anyres"]):
        assert refusal(guarded, url, subprotocols=wrong).status_code == 401


def test_managing_models_needs_its_own_key_alone(folder: Path) -> None:
    admin = "the-admin-key-is-a-long-one"
    config = config_for(folder, api_keys=KEYS, manage_models=True, admin_key=admin)
    with TestClient(create_app(Service(config))) as client:
        for headers, status in ((bearer(ALICE), 401), ({}, 401), (bearer(admin), 404)):
            answer = client.post("/v1/models/nobody/load", headers=headers)
            assert answer.status_code == status
        assert client.get("/v1/models", headers=bearer(admin)).status_code == 401


def test_streams_of_one_key_are_invisible_to_another(guarded: TestClient) -> None:
    id_ = guarded.post("/v1/streams", headers=bearer(ALICE)).json()["id"]
    for method, path in (
        ("GET", f"/v1/streams/{id_}"),
        ("DELETE", f"/v1/streams/{id_}"),
        ("POST", f"/v1/streams/{id_}/frames"),
    ):
        other = guarded.request(method, path, headers=bearer(BOB))
        unknown = guarded.request(method, path.replace(id_, "n" * 16), headers=bearer(BOB))
        assert other.status_code == unknown.status_code == 404
        assert other.json()["error"]["code"] == unknown.json()["error"]["code"]
    assert guarded.get(f"/v1/streams/{id_}", headers=bearer(ALICE)).status_code == 200


def test_logs_and_metrics_know_names_and_no_secrets(
    guarded: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="anyres"):
        guarded.get("/v1/models", headers=bearer(ALICE))
        guarded.get("/v1/models", headers=bearer(ALICE + "x"))
    callers = [getattr(record, "caller", None) for record in caplog.records]
    assert callers == ["alice", None]
    page = guarded.get("/metrics", headers=bearer(BOB)).text
    assert 'anyres_caller_requests_total{caller="alice"}' in page
    assert ALICE not in caplog.text + page


def test_one_key_may_ask_so_often_and_another_is_not_held_up(folder: Path) -> None:
    service = Service(config_for(folder, api_keys=KEYS, requests_per_s=0.001, burst_s=3000))
    with TestClient(create_app(service)) as client:
        answers = [client.get("/v1/models", headers=bearer(ALICE)) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 990 <= int(answers[-1].headers["Retry-After"]) <= 1000
        assert answers[-1].json()["error"]["code"] == "rate_limited"
        assert client.get("/v1/models", headers=bearer(BOB)).status_code == 200
        assert client.get("/livez", headers=bearer(ALICE)).status_code == 200  # not counted


def test_pixels_are_limited_before_anything_is_decoded(folder: Path) -> None:
    service = Service(config_for(folder, mpx_per_s=1e-6, burst_s=32.0))  # 32 px at once
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        statuses = [client.post("/v1/predict", content=IMAGE).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        with client.websocket_connect("/v1/streams/ws") as socket:
            socket.receive_json()
            socket.send_bytes(IMAGE)
            refused = socket.receive_json()
            assert (refused["error"]["code"], refused["retry_after_s"]) == ("rate_limited", 16)
    assert service.admission.num_pixels == 0


def test_a_preflight_needs_no_key_because_it_can_have_none(folder: Path) -> None:
    config = config_for(folder, api_keys=KEYS, cors_origins=("https://example.org",))
    with TestClient(create_app(Service(config))) as client:
        answer = client.options(
            "/v1/streams/x",
            headers={
                "Origin": "https://example.org",
                "Access-Control-Request-Method": "DELETE",
                "Access-Control-Request-Headers": "Authorization",
            },
        )
        assert answer.status_code == 200
        refused = client.get("/v1/models", headers={"Origin": "https://example.org"})
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://example.org"
