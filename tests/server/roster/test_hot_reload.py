"""A model folder under a running server: what changes there, and what clients see of it."""

import errno
import gc
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from models.bundle_folder import write_bundle
from models.task import Task
from server.config import ServerConfig
from server.errors import UnknownModel
from server.loading.loaded_model import LoadedModel, load_model
from server.roster import duty
from server.scheduling.job import Job
from server.service import Service
from tests.server.serving import Gate, encoded, plain, wait_until
from tests.server.shelf import AS_ADMIN, KEY, damage, put, serving
from tests.toy_bundle import toy_bundle

IMAGE = encoded(plain(8, 8, (30, 30, 30)))


def served(service: Service) -> list[str]:
    return [str(model) for model in service.keeper.roster]


def answering(client: TestClient, spec: str | None = None) -> str:
    """Who answers."""
    query = {} if spec is None else {"model": spec}
    model = client.post("/v1/predict", content=IMAGE, params=query).json()["model"]
    return f"{model['name']}@{model['version']}"


def reasons(client: TestClient) -> dict[str, str]:
    others = client.get("/v1/models").json()["others"]
    return {one["model"]: one["reason"] for one in others if one["state"] == "failed"}


def resting(client: TestClient) -> dict[str, str]:
    """What lies in the folder and is not served, and why."""
    others = client.get("/v1/models").json()["others"]
    return {one["model"]: one["reason"] for one in others if one["state"] == "resting"}


def test_several_models_answer_by_name_and_version(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, folder, "street", "0.2")
    put(tmp_path, folder, "street", "0.1")
    put(tmp_path, folder, "rooms", "1", at="rooms")
    with serving(tmp_path, default_model="street", versions=2) as (service, client):
        assert served(service) == ["rooms@1", "street@0.2", "street@0.1"]
        assert answering(client) == answering(client, "street") == "street@0.2"
        assert answering(client, "street@0.1") == "street@0.1"
        assert answering(client, "rooms") == answering(client, "rooms@1") == "rooms@1"
        assert [one["default"] for one in client.get("/v1/models").json()["models"]] == [
            False,
            True,
            False,
        ]
        assert client.get("/v1/models/street@0.1").json()["version"] == "0.1"
        unknown = client.post("/v1/predict?model=street@9", content=IMAGE)
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_model")
        assert "served are rooms@1, street@0.2, street@0.1" in unknown.text
        for name in ("..%2fstreet", "a b", "x" * 65, "street@"):
            assert client.post(f"/v1/predict?model={name}", content=IMAGE).status_code == 422


def test_a_request_that_names_none_of_several_models_is_told_to(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "street", "1")
    put(tmp_path, folder, "rooms", "1")
    with serving(tmp_path) as (_, client):
        assert client.get("/readyz").status_code == 200
        answer = client.post("/v1/predict", content=IMAGE)
        assert answer.status_code == 404
        assert "name one with model=" in answer.json()["error"]["message"]


def test_the_old_version_serves_until_the_new_one_is_warm_and_ends_when_nobody_holds_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, folder, "street", "0.1")
    gate = Gate()

    def load(*arguments: Any, **options: Any) -> LoadedModel:
        model = load_model(*arguments, **options)
        if model.bundle.version == "0.2":
            gate.entered.set()
            assert gate.open.wait(10)
        return model

    monkeypatch.setattr(duty, "load_model", load)
    with serving(tmp_path) as (service, client):
        held = service.open_model()
        old_worker = held.worker
        put(tmp_path, folder, "street", "0.2")
        assert gate.entered.wait(10)
        assert answering(client) == "street@0.1"
        assert client.get("/readyz").status_code == 200
        states = {o["model"]: o["state"] for o in client.get("/v1/models").json()["others"]}
        assert states == {"street@0.2": "loading"}
        gate.open.set()
        wait_until(lambda: served(service) == ["street@0.2"])
        assert answering(client) == "street@0.2"
        assert held.is_retired
        late = held.worker.submit(
            Job(image=plain(4, 4, (9, 9, 9)), tasks=frozenset(Task)), deadline_s=float("inf")
        )
        assert late.result(10).prediction.labels is not None  # who holds it is still answered
        states = {o["model"]: o["state"] for o in client.get("/v1/models").json()["others"]}
        assert states == {"street@0.1": "retiring"}
        del held, late
        gc.collect()
        wait_until(lambda: not old_worker.is_alive)
        wait_until(lambda: list(resting(client)) == ["street@0.1"])


def test_every_version_in_the_folder_is_listed_and_says_why_it_is_not_served(
    folder: Path, tmp_path: Path
) -> None:
    for version in ("0.1", "0.2", "0.3"):
        put(tmp_path, folder, "street", version)
    put(tmp_path, folder, "rooms", "1")
    with serving(tmp_path, default_model="street") as (service, client):
        wait_until(lambda: served(service) == ["rooms@1", "street@0.3"])
        older = resting(client)
        assert list(older) == ["street@0.2", "street@0.1"]
        assert all("the setting versions is 1" in reason for reason in older.values())
        pin = client.post("/v1/models/street/load?version=0.2", headers=AS_ADMIN)
        assert pin.is_success
        put(tmp_path, folder, "street", "0.4")
        client.post("/v1/models/rooms/unload", headers=AS_ADMIN)
        wait_until(lambda: "street@0.4" in resting(client))
        wait_until(lambda: {"rooms@1", "street@0.3"} <= resting(client).keys())
        found = resting(client)
        assert found.keys() == {"rooms@1", "street@0.1", "street@0.3", "street@0.4"}
        assert found["rooms@1"] == "it was unloaded: load it to serve it again"
        assert found["street@0.4"] == (
            "street was loaded as street@0.2 and stays there: load this version, or load street "
            "without one to follow the newest"
        )
        index = client.post("/v2/repository/index").json()
        texts = {f"{one['name']}@{one['version']}": one["reason"] for one in index}
        assert {text: texts[text] for text in found} == found


def test_what_the_setting_models_leaves_out_is_listed_too(folder: Path, tmp_path: Path) -> None:
    for version in ("0.1", "0.2"):
        put(tmp_path, folder, "street", version)
    with serving(tmp_path, models=("street@0.1",)) as (service, client):
        wait_until(lambda: served(service) == ["street@0.1"])
        assert resting(client) == {
            "street@0.2": "the setting models has street@0.1: add it there, or load it"
        }


def test_no_request_is_lost_while_versions_change(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, folder, "street", "1")
    with serving(tmp_path) as (service, client), ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(client.post, "/v1/predict", content=IMAGE) for _ in range(60)]
        for version in ("2", "3"):
            put(tmp_path, folder, "street", version)
            expected = [f"street@{version}"]
            wait_until(lambda expected=expected: served(service) == expected)  # type: ignore[misc]
        assert {one.result(30).status_code for one in asked} == {200}
        assert answering(client) == "street@3"


def test_a_new_version_that_is_broken_is_reported_and_the_old_one_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "street", "0.1")
    with serving(tmp_path) as (service, client):
        new = put(tmp_path, folder, "street", "0.2", at="street/.0.2")
        damage(new)
        new.rename(tmp_path / "street" / "0.2")
        wait_until(lambda: "street@0.2" in reasons(client))
        assert "copy the whole bundle again" in reasons(client)["street@0.2"]
        assert answering(client) == "street@0.1"
        assert client.get("/readyz").status_code == 200
        lines = client.get("/metrics").text.splitlines()
        assert "anyres_models_failed 1.0" in lines
        assert 'anyres_model_loads_total{model="street",outcome="failed"} 1.0' in lines
        put(tmp_path, folder, "street", "0.2")
        wait_until(lambda: served(service) == ["street@0.2"])
        assert reasons(client) == {}


def test_a_version_that_is_half_written_waits_for_its_rest(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, folder, "street", "0.1")
    with serving(tmp_path) as (service, client):
        part = put(tmp_path, folder, "street", "0.2", at="street/.0.2")
        graph = (part / "frame.onnx").read_bytes()
        (part / "frame.onnx").write_bytes(graph[: len(graph) // 2])
        manifest = (part / "bundle.json").read_bytes()
        (part / "bundle.json").unlink()
        part.rename(part := tmp_path / "street" / "0.2")
        wait_until(lambda: "street/0.2" in reasons(client))
        assert "holds no bundle.json yet" in reasons(client)["street/0.2"]
        (part / "bundle.json").write_bytes(manifest)
        wait_until(lambda: "bytes long" in reasons(client).get("street@0.2", ""))
        assert answering(client) == "street@0.1"
        (part / "frame.onnx").write_bytes(graph)
        wait_until(lambda: served(service) == ["street@0.2"])


def test_a_bundle_edited_under_us_is_reported_and_what_is_loaded_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    place = put(tmp_path, folder, "street", "0.1")
    with serving(tmp_path) as (service, client):
        before = service.open_model()
        damage(place)
        wait_until(lambda: "SHA-256" in reasons(client).get("street@0.1", ""))
        shutil.rmtree(place)
        wait_until(
            lambda: reasons(client) == {"street": f"{tmp_path}/street holds no bundle.json yet"}
        )
        assert answering(client) == "street@0.1"
        assert service.open_model() is before


def test_a_folder_that_cannot_be_read_for_a_while_takes_nothing_away(
    folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "models"
    put(root, folder, "street", "1")
    with serving(root) as (service, client):
        root.rename(tmp_path / "elsewhere")
        wait_until(lambda: str(root) in reasons(client))
        assert "cannot be read" in reasons(client)[str(root)]
        assert answering(client) == "street@1"
        (tmp_path / "elsewhere").rename(root)
        wait_until(lambda: reasons(client) == {})
        assert served(service) == ["street@1"]


def test_a_full_disk_while_loading_leaves_the_loaded_model_in_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, folder, "street", "0.1")
    with serving(tmp_path) as (service, client):

        def full(*_: Any, **__: Any) -> LoadedModel:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(duty, "load_model", full)
        put(tmp_path, folder, "street", "0.2")
        wait_until(lambda: "No space left" in reasons(client).get("street@0.2", ""))
        assert answering(client) == "street@0.1"


def test_a_bundle_in_the_wrong_folder_is_refused_with_the_right_one(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "street", "0.1")
    put(tmp_path, folder, "street", "0.3", at="rooms/0.2")
    with serving(tmp_path) as (service, client):
        assert served(service) == ["street@0.1"]
        assert "move it to street/0.3" in reasons(client)["rooms@0.2"]


def test_a_model_that_would_not_fit_beside_the_others_is_not_loaded(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "street", "1")
    big = put(tmp_path, folder, "rooms", "1")
    (big / "frame.onnx").write_bytes(bytes(2**20))  # it is not even opened
    write_bundle(big, toy_bundle(name="rooms", version="1"))
    with serving(tmp_path, max_models_mib=4) as (service, client):
        assert served(service) == ["street@1"]
        assert "rooms@1 would take 5 MiB beside 0 MiB" in reasons(client)["rooms@1"]
        assert "expected at most 4 MiB together" in reasons(client)["rooms@1"]


def test_models_are_loaded_and_unloaded_by_hand(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, folder, "street", "0.1")
    put(tmp_path, folder, "street", "0.2")
    put(tmp_path, folder, "rooms", "1")
    with serving(tmp_path, watch_s=0, default_model="street") as (service, client):
        client.headers.update(AS_ADMIN)
        out = client.post("/v1/models/rooms/unload")
        assert out.status_code == 200
        assert [one["name"] for one in out.json()["models"]] == ["street"]
        back = client.post("/v1/models/rooms/load")
        assert (back.status_code, back.json()["version"]) == (200, "1")
        older = client.post("/v1/models/street/load?version=0.1")
        assert older.json()["version"] == "0.1"
        assert served(service) == ["rooms@1", "street@0.1"]
        put(tmp_path, folder, "street", "0.3")
        assert client.post("/v1/models/street/load").json()["version"] == "0.3"
        assert served(service) == ["rooms@1", "street@0.3"]
        client.post("/v1/models/street/unload?version=0.3")
        assert served(service) == ["rooms@1", "street@0.2"]
        assert client.post("/v1/models/street/unload").status_code == 422
        for path in ("cars/load", "cars/unload", "street/load?version=7"):
            assert client.post(f"/v1/models/{path}").status_code == 404
        damage(put(tmp_path, folder, "cars", "1"))
        broken = client.post("/v1/models/cars/load")
        assert broken.status_code == 422
        assert "cars@1 is not served" in broken.json()["error"]["message"]


def test_a_model_without_a_folder_of_its_version_is_loaded_by_the_version_that_it_says(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "rooms", "1.0", at="rooms")
    with serving(tmp_path) as (_, client):
        url = "/v1/models/rooms/load?version="
        assert client.post(f"{url}1.0", headers=AS_ADMIN).json()["version"] == "1.0"
        other = client.post(f"{url}2.0", headers=AS_ADMIN)
        assert other.status_code == 404
        assert "the model folder holds rooms" in other.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Admin-Key": KEY + "!"}, {"Authorization": f"Basic {KEY}"}, {"X-Admin-Key": "é"}],
)
def test_managing_needs_the_key(folder: Path, tmp_path: Path, headers: dict[str, str]) -> None:
    put(tmp_path, folder, "street", "1")
    with serving(tmp_path) as (_, client):
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        refused = client.post("/v1/models/street/load", headers=raw)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        bearer = {"Authorization": f"Bearer {KEY}"}
        assert client.post("/v1/models/street/load", headers=bearer).status_code == 200


@pytest.mark.parametrize("action", ["load", "unload"])
def test_managing_is_403_unless_enabled_and_says_how_to_enable_it(
    folder: Path, tmp_path: Path, action: str
) -> None:
    put(tmp_path, folder, "street", "1")
    with serving(tmp_path, manage_models=False) as (service, client):
        for headers, name in (({}, "street"), (AS_ADMIN, "street"), (AS_ADMIN, "nobody")):
            refused = client.post(f"/v1/models/{name}/{action}", headers=headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
            below_v2 = client.post(f"/v2/repository/models/{name}/{action}", headers=headers)
            assert refused.json()["error"]["message"] == below_v2.json()["error"]
            assert "--manage-models" in below_v2.json()["error"]
        assert served(service) == ["street@1"]


def test_managing_cannot_be_enabled_without_a_key() -> None:
    for wrong in (None, "short", f"{KEY} and ä, which no header carries", f" {KEY}", f"{KEY}\n"):
        with pytest.raises(ValueError, match="admin_key"):
            ServerConfig(manage_models=True, admin_key=None if wrong is None else SecretStr(wrong))


def test_a_bundle_can_be_served_beside_a_folder_and_keeps_its_name(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "rooms", "1")
    put(tmp_path, folder, "toy", "2.0")
    with serving(tmp_path, bundle=folder) as (service, client):
        wait_until(lambda: "toy@2.0" in reasons(client))
        assert "taken by --bundle" in reasons(client)["toy@2.0"]
        assert served(service) == ["rooms@1", "toy@1.0"]
        assert answering(client) == "toy@1.0"
        again = client.post("/v1/models/toy/load", headers=AS_ADMIN)
        assert again.json()["version"] == "1.0"


def test_an_empty_folder_waits_for_its_first_model(folder: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as (service, client):
        assert [client.get(path).status_code for path in ("/livez", "/startupz", "/readyz")] == [
            200,
            503,
            503,
        ]
        assert "is not served" in client.get("/readyz").json()["reason"]
        with pytest.raises(UnknownModel):
            service.open_model()
        put(tmp_path, folder, "street", "1")
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/startupz").status_code == 200
        assert answering(client) == "street@1"


def test_without_watching_a_folder_that_holds_nothing_is_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, watch_s=0) as (service, _):
        assert service.failure is not None
        assert "it is empty" in service.failure
    with serving(tmp_path / "nowhere", watch_s=0) as (service, _):
        assert service.failure is not None
        assert "cannot be read (No such file" in service.failure


def test_models_side_by_side_share_the_memory_for_images(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, folder, "street", "1")
    put(tmp_path, folder, "rooms", "1")
    with serving(tmp_path, default_model="street") as (service, _):
        engines = [model.worker.engine for model in service.keeper.roster]
        assert len({id(engine._memory.ledger) for engine in engines}) == 1
        assert len({id(engine._memory.meter) for engine in engines}) == 1
        assert len({id(engine._account) for engine in engines}) == 2


def test_every_size_of_the_warm_up_list_is_run_before_the_model_is_ready(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, folder, "street", "1")
    with serving(tmp_path, warm_up="32x48,5x7") as (_, client):
        (model,) = client.get("/v1/models").json()["models"]
        assert model["warm_up"] == [[32, 48], [5, 7]]
        assert cold_shapes(client) == 0  # those of the warm-up itself are nobody's wait
        for size, cold in (((32, 48), 0), ((5, 7), 0), ((9, 9), 1), ((9, 9), 1), ((10, 9), 2)):
            image = encoded(plain(*size, (1, 1, 1)))
            assert client.post("/v1/predict", content=image).is_success
            assert cold_shapes(client) == cold
        image = encoded(plain(32, 48, (1, 1, 1)))
        assert client.post("/v1/predict", files={"image": image, "next_image": image}).is_success
        assert cold_shapes(client) == 2


def cold_shapes(client: TestClient) -> float:
    """Of every graph."""
    found = re.findall(r"^anyres_cold_shapes_total\{.*\} (\S+)$", client.get("/metrics").text, re.M)
    return sum(map(float, found))
