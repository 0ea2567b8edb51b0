"""What holds for every route: one form of errors, a schema, a page that works offline."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.serving import config_for, encoded, plain, wait_until_loaded

BLOCKED = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from starlette.testclient import TestClient
from server.app import create_app
from server.config import ServerConfig
from server.service import Service
import server.__main__, server.listener, server.predict_command
service = Service(ServerConfig(bundle=Path(sys.argv[1]), threads=1))
with TestClient(create_app(service)) as client:
    while service.model is None and service.failure is None:
        client.get("/readyz")
    files = {"image": open(sys.argv[2], "rb"), "next_image": open(sys.argv[2], "rb")}
    answer = client.post("/v1/predict", files=files)
    assert answer.status_code == 200, answer.text
    assert answer.json()["flow"]["greatest_length"] == 0, answer.text
"""


def test_the_server_answers_where_importing_torch_raises(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(encoded(plain(9, 9, (5, 5, 5))))
    arguments = [sys.executable, "-c", BLOCKED, str(folder), str(tmp_path / "image.png")]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/predict", 405, "method_not_allowed"),
        ("DELETE", "/readyz", 405, "method_not_allowed"),
    ],
)
def test_the_routers_errors_look_like_ours(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["request_id"]) == (code, answer.headers["X-Request-Id"])
    if status == 405:
        assert answer.headers["Allow"]


def test_what_nobody_foresaw_is_500_with_an_id_and_no_internals(folder: Path) -> None:
    service = Service(config_for(folder))
    app = create_app(service)

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("secret")

    with TestClient(app) as client:
        answer = client.get("/boom", headers={"X-Request-Id": "abc"})
    assert answer.status_code == 500
    assert answer.json()["error"]["request_id"] == "abc"
    assert "secret" not in answer.text


def test_a_path_cannot_forge_a_line_of_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="anyres.request"):
        client.get("/a%0A12:00:00 INFO anyres: draining")
    assert "/a%0A12%3A00%3A00" in caplog.messages[-1]
    assert "\n" not in caplog.messages[-1]


def test_the_schema_knows_bodies_answers_and_errors(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    predict = schema["paths"]["/v1/predict"]["post"]
    assert {"image/jpeg", "multipart/form-data"} <= set(predict["requestBody"]["content"])
    assert {"application/json", "application/zip", "image/png"} <= set(
        predict["responses"]["200"]["content"]
    )
    assert {"400", "406", "408", "413", "415", "422", "429", "503", "504"} <= set(
        predict["responses"]
    )
    assert client.get("/docs").status_code == 200


def test_the_playground_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    texts = [page.text]
    for path in re.findall(r'(?:src|href)="([^"#:]+\.(?:js|css))"', page.text):
        answer = client.get(f"/{path}")
        assert answer.status_code == 200
        texts.append(answer.text)
    assert len(texts) == 4
    for text in texts:
        assert not re.search(r"https?://", text)


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert any("swagger-ui-bundle" in url for url in loaded)
    assert [client.get(url).status_code for url in loaded] == [200] * len(loaded)
    assert not [url for url in loaded if "//" in url]


def test_other_pages_may_call_only_if_they_were_named(folder: Path, client: TestClient) -> None:
    origin = {"Origin": "https://example.org"}
    assert "access-control-allow-origin" not in client.get("/readyz", headers=origin).headers
    service = Service(config_for(folder, cors_origins=("https://example.org",)))
    with TestClient(create_app(service)) as named:
        answer = named.get("/nothing", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        other = named.get("/readyz", headers={"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_the_playground_can_be_left_out(folder: Path) -> None:
    service = Service(config_for(folder, playground=False))
    with TestClient(create_app(service)) as client:
        assert client.get("/").status_code == 404
        wait_until_loaded(service)
        assert client.post("/v1/predict", content=encoded(plain(2, 2, (0, 0, 0)))).is_success
