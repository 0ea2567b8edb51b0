"""Several models and versions by /v2: who answers, what the index says, and who may change it."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from starlette.testclient import TestClient
from tritonclient.utils import InferenceServerException

from server.loading.loaded_model import LoadedModel, load_model
from server.roster import duty
from server.service import Service
from tests.server.kserve.tensors_sent import of_files
from tests.server.serving import Gate, encoded, listening, plain, wait_until
from tests.server.shelf import AS_ADMIN, damage, folder_config, put, serving

BODY, HEADERS = of_files([encoded(plain(8, 8, (30, 30, 30)))], outputs=[{"name": "labels"}])


def answering(client: TestClient, url: str) -> str:
    answer = client.post(f"/v2/models/{url}/infer", content=BODY, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["Inference-Header-Content-Length"])
    found = answer.content[:length].decode()
    return found.split('"outputs"')[0]


def of(name: str, version: str) -> str:
    return f'{{"model_name":"{name}","model_version":"{version}",'


def index(client: TestClient) -> dict[str, tuple[str, str]]:
    """State and reason by name@version."""
    found = client.post("/v2/repository/index").json()
    return {f"{one['name']}@{one['version']}": (one["state"], one["reason"]) for one in found}


def states(client: TestClient) -> dict[str, str]:
    return {model: state for model, (state, _) in index(client).items()}


def test_models_answer_by_name_and_version(folder: Path, tmp_path: Path) -> None:
    for name, version in (("street", "0.2"), ("street", "0.10"), ("rooms", "1")):
        put(tmp_path, folder, name, version)
    with serving(tmp_path, versions=2) as (_, client):
        assert answering(client, "street") == of("street", "0.10")
        assert answering(client, "street/versions/0.2") == of("street", "0.2")
        assert answering(client, "rooms") == of("rooms", "1")
        assert client.get("/v2/models/street").json()["versions"] == ["0.10", "0.2"]
        assert client.get("/v2/models/street/versions/0.2").json()["versions"] == ["0.2"]
        assert client.get("/v2/models/rooms/config").json()["name"] == "rooms"
        assert client.get("/v2/models/street/versions/0.2/ready").status_code == 200
        for url in ("street/versions/0.3", "street@0.2", "street/versions/@0.2", "cars"):
            answer = client.post(f"/v2/models/{url}/infer", content=BODY, headers=HEADERS)
            assert (answer.status_code, list(answer.json())) == (404, ["error"])
            assert client.get(f"/v2/models/{url}/ready").status_code == 404
        stats = client.get("/v2/models/street/stats").json()["model_stats"]
        counts = {one["version"]: one["inference_count"] for one in stats}
        assert counts == {"0.10": 1, "0.2": 1}
        stats = client.get("/v2/models/stats").json()["model_stats"]
        assert [one["name"] for one in stats] == ["rooms", "street", "street"]
        body, headers = of_files([encoded(plain(8, 8, (1, 1, 1)))], model_version="0.2")
        other = client.post("/v2/models/street/infer", content=body, headers=headers)
        assert "0.10 answers this URL: ask /v2/models/street/versions/" in other.json()["error"]


def test_the_index_says_what_loads_what_failed_what_goes_and_what_rests(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, folder, "street", "0.1")
    damage(put(tmp_path, folder, "rooms", "1"))
    (tmp_path / "empty").mkdir()
    gate = Gate()

    def load(*arguments: Any, **options: Any) -> LoadedModel:
        model = load_model(*arguments, **options)
        if model.bundle.version == "0.2":
            gate.entered.set()
            assert gate.open.wait(10)
        return model

    monkeypatch.setattr(duty, "load_model", load)
    with serving(tmp_path) as (service, client):
        held = service.open_model("street")
        put(tmp_path, folder, "street", "0.2")
        assert gate.entered.wait(10)
        found = index(client)
        assert found.keys() == {"street@0.1", "street@0.2", "rooms@1", "empty@"}
        assert found["street@0.1"] == ("READY", "")
        assert found["street@0.2"] == ("LOADING", "")
        assert found["rooms@1"][0] == found["empty@"][0] == "UNAVAILABLE"
        assert "copy the whole bundle again" in found["rooms@1"][1]
        assert "holds no bundle.json yet" in found["empty@"][1]
        gate.open.set()
        wait_until(lambda: states(client).get("street@0.2") == "READY")
        wait_until(lambda: states(client).get("street@0.1") == "UNLOADING")
        del held
        gc.collect()
        wait_until(lambda: states(client)["street@0.1"] == "UNAVAILABLE")
        assert "newer ones come first" in index(client)["street@0.1"][1]
        only_ready = client.post("/v2/repository/index", content=b'{"ready": true}').json()
        assert [one["version"] for one in only_ready] == ["0.2"]


def test_new_files_that_fail_are_said_beside_the_version_that_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    place = put(tmp_path, folder, "street", "1")
    with serving(tmp_path) as (_, client):
        damage(place)
        wait_until(lambda: "its new files are not served" in index(client)["street@1"][1])
        assert states(client) == {"street@1": "READY"}
        assert answering(client, "street") == of("street", "1")


def test_tritonclient_loads_and_unloads_with_the_admin_key(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, folder, "street", "0.1")
    put(tmp_path, folder, "street", "0.2")
    put(tmp_path, folder, "rooms", "1")
    service = Service(folder_config(tmp_path, watch_s=0, default_model="street"))
    with (
        listening(service) as port,
        triton.InferenceServerClient(f"127.0.0.1:{port}") as client,
    ):
        client.unload_model("rooms", headers=AS_ADMIN)
        assert not client.is_model_ready("rooms")
        client.load_model("rooms", headers=AS_ADMIN)
        assert client.is_model_ready("rooms")
        client.load_model("street", headers=AS_ADMIN, query_params={"version": "0.1"})
        assert client.get_model_metadata("street")["versions"] == ["0.1"]
        image = triton.InferInput("image", [1, 2, 2, 3], "UINT8")
        image.set_data_from_numpy(np.zeros((1, 2, 2, 3), dtype=np.uint8))
        assert client.infer("street", [image]).get_response()["model_version"] == "0.1"
        client.load_model("street", headers=AS_ADMIN)
        assert client.get_model_metadata("street")["versions"] == ["0.2"]
        wait_until(lambda: not service.keeper.troubles)  # 0.1 has left
        found = client.get_model_repository_index()
        assert sorted((one["name"], one["version"], one["state"]) for one in found) == [
            ("rooms", "1", "READY"),
            ("street", "0.1", "UNAVAILABLE"),
            ("street", "0.2", "READY"),
        ]
        refusals: list[tuple[Callable[[], object], str, str]] = [
            (lambda: client.load_model("rooms"), "401", "needs the admin key, none came"),
            (lambda: client.unload_model("rooms"), "401", "needs the admin key, none came"),
            (lambda: client.load_model("cars", headers=AS_ADMIN), "404", "copy it there"),
            (lambda: client.unload_model("cars", headers=AS_ADMIN), "404", "served are rooms@1"),
            (
                lambda: client.unload_model("street", headers=AS_ADMIN),
                "422",
                "street is the default model",
            ),
            (
                lambda: client.load_model("rooms", headers=AS_ADMIN, config="{}"),
                "400",
                "models come from the server's folder",
            ),
        ]
        for call, status, sentence in refusals:
            with pytest.raises(InferenceServerException) as error:
                call()
            assert error.value.status() == status
            assert sentence in error.value.message()
        assert client.is_model_ready("rooms")


@pytest.mark.parametrize("action", ["load", "unload"])
def test_managing_is_403_unless_enabled_whatever_key_is_shown(
    folder: Path, tmp_path: Path, action: str
) -> None:
    put(tmp_path, folder, "street", "1")
    url = f"/v2/repository/models/street/{action}"
    with serving(tmp_path, manage_models=False) as (_, client):
        for headers in ({}, AS_ADMIN):
            refused = client.post(url, headers=headers)
            assert refused.status_code == 403
            assert "--manage-models" in refused.json()["error"]
        assert client.post("/v2/models/street/infer", content=BODY, headers=HEADERS).is_success
    with serving(tmp_path) as (_, client):
        refused = client.post(url)
        assert (refused.status_code, list(refused.json())) == (401, ["error"])
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("body", [b"[", b'{"parameters": {"config": "{}"}}', b"x" * 5000])
def test_a_body_with_a_model_in_it_is_refused(folder: Path, tmp_path: Path, body: bytes) -> None:
    put(tmp_path, folder, "street", "1")
    with serving(tmp_path) as (_, client):
        url = "/v2/repository/models/street/load"
        answer = client.post(url, content=body, headers=AS_ADMIN)
        assert answer.status_code == (413 if len(body) > 4096 else 400)
        assert list(answer.json()) == ["error"]
