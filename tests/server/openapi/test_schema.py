"""The server keeps what its OpenAPI promises: schemathesis asks everything that it allows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.serving import config_for, listening

SECRET = "k" * 32
ADMIN_KEY = "a" * 32
HERE = Path(__file__).parent


def num_operations(service: Service) -> int:
    return sum(len(operations) for operations in create_app(service).openapi()["paths"].values())


@pytest.mark.slow
def test_schemathesis_finds_nothing(folder: Path, tmp_path: Path) -> None:
    managed = {"manage_models": True, "admin_key": ADMIN_KEY}
    service = Service(config_for(folder, api_keys=f"judge:{SECRET}", **managed))
    with listening(service) as port:
        result = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(HERE / "schemathesis.toml"), "--no-color"),
                *("run", f"http://127.0.0.1:{port}/openapi.json"),
                *("--header", f"Authorization: Bearer {SECRET}"),
                *("--header", f"X-Admin-Key: {ADMIN_KEY}"),
                *("--max-examples", "3", "--generation-deterministic"),
                *("--warnings", "off"),  # that it knows the name of no model
            ],
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "No issues found" in result.stdout
    assert f"Tested: {num_operations(service)}" in result.stdout


def test_the_schema_knows_every_status_of_every_route(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    images = {"400", "401", "404", "406", "408", "413", "415", "422", "429", "500", "503", "504"}
    assert set(paths["/v1/predict"]["post"]["responses"]) == images | {"200"}
    frames = paths["/v1/streams/{id}/frames"]["post"]["responses"]
    assert set(frames) == images | {"200", "204", "410"}
    assert set(paths["/v1/streams/{id}"]["delete"]["responses"]) >= {"204", "401", "404", "410"}
    infer = paths["/v2/models/{name}/infer"]["post"]["responses"]
    assert set(infer) == images - {"406"} | {"200"}
    load = paths["/v2/repository/models/{name}/load"]["post"]["responses"]
    assert set(load) >= {"200", "400", "401", "403", "404", "413", "422", "503"}
    for action in ("load", "unload"):
        managed = paths[f"/v1/models/{{name}}/{action}"]["post"]["responses"]
        assert set(managed) == {"200", "401", "403", "404", "422", "429", "500", "503"}
    sentence = {"$ref": "#/components/schemas/ErrorSentence"}
    for path, operations in paths.items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                assert response["description"], (path, method, status)
                if path.startswith("/v2") and int(status) >= 400:
                    assert response["content"]["application/json"]["schema"] == sentence


def test_keys_are_in_the_schema_where_they_are_needed(folder: Path, client: TestClient) -> None:
    assert "security" not in client.get("/openapi.json").json()
    service = Service(config_for(folder, api_keys=f"judge:{SECRET}"))
    with TestClient(create_app(service)) as guarded:
        schema = guarded.get("/openapi.json").json()
    assert schema["security"] == [{"bearer": []}, {"header": []}]
    assert schema["paths"]["/livez"]["get"]["security"] == []
    assert "security" not in schema["paths"]["/metrics"]["get"]
    assert schema["paths"]["/v2/health/live"]["get"]["security"] == []
    assert "security" not in schema["paths"]["/v2/models/{name}/infer"]["post"]
    closed = Service(config_for(folder, api_keys=f"judge:{SECRET}", open_health=False))
    with TestClient(create_app(closed)) as guarded:
        schema = guarded.get("/openapi.json").json()
    for path, kind in (("/livez", "ErrorAnswer"), ("/v2/health/live", "ErrorSentence")):
        answer = schema["paths"][path]["get"]["responses"]["401"]["content"]["application/json"]
        assert answer["schema"] == {"$ref": f"#/components/schemas/{kind}"}


def test_the_admin_key_is_in_the_schema_beside_the_others(folder: Path) -> None:
    managed = {"manage_models": True, "admin_key": ADMIN_KEY}
    service = Service(config_for(folder, api_keys=f"judge:{SECRET}", **managed))
    schema = create_app(service).openapi()
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "header", "APIKeyHeader"}
    for path in ("/v1/models/{name}/load", "/v2/repository/models/{name}/unload"):
        assert schema["paths"][path]["post"]["security"] == [{"APIKeyHeader": []}]


def test_a_wrong_method_names_all_that_there_are(client: TestClient) -> None:
    answer = client.put("/v1/streams/x")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD")
