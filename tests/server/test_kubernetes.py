"""The manifests: valid by the schemas of Kubernetes, and in agreement with the server."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate
from starlette.testclient import TestClient

from server.config import PREFIX, ServerConfig

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "deploy" / "kubernetes"
VERSIONS = ("1.30", "1.35")
SECONDS_TO_END = 5.0

Json = dict[str, Any]


def manifest(kind: str) -> Json:
    found: Json = yaml.safe_load((FOLDER / f"{kind}.yaml").read_text())
    return found


def resources() -> list[str]:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    return [name.removesuffix(".yaml") for name in kustomization["resources"]]


def patched(document: Json, operations: list[Json]) -> Json:
    """JSON Patch (RFC 6902), as far as our patches use it."""
    for operation in operations:
        *parents, last = operation["path"].strip("/").split("/")
        place: Any = document
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place[key]
        assert operation["op"] in ("add", "replace")
        assert operation["op"] == "add" or last in place
        place[last] = operation["value"]
    return document


def with_gpu() -> Json:
    overlay = yaml.safe_load((FOLDER / "gpu" / "kustomization.yaml").read_text())
    (patch,) = overlay["patches"]
    assert patch["target"]["kind"] == "Deployment"
    return patched(manifest("deployment"), yaml.safe_load(patch["patch"]))


def pod(document: Json) -> Json:
    found: Json = document["spec"]["template"]["spec"]
    return found


def test_every_file_is_applied() -> None:
    there = {path.stem for path in FOLDER.glob("*.yaml")}
    assert set(resources()) == there - {"kustomization", "prometheus-adapter"}


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_valid_by_the_schemas_with_no_unknown_field(version: str) -> None:
    for kind in resources():
        validate(manifest(kind), version, strict=True)
    validate(with_gpu(), version, strict=True)


def test_a_typing_error_would_be_found() -> None:
    wrong = manifest("deployment")
    pod(wrong)["containers"][0]["readynessProbe"] = {}
    with pytest.raises(Exception, match="readynessProbe"):
        validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("document", [manifest("deployment"), with_gpu()], ids=["cpu", "gpu"])
def test_nothing_runs_as_root_or_writes_to_the_image(document: Json) -> None:
    spec = pod(document)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    writable = [v["name"] for v in spec["volumes"] if "emptyDir" in v]
    assert all(v["emptyDir"]["sizeLimit"] for v in spec["volumes"] if "emptyDir" in v)
    assert set(mounts) == {volume["name"] for volume in spec["volumes"]}
    assert sorted(writable) == ["cache", "tmp"]


def test_a_gpu_is_asked_for_in_the_overlay_alone() -> None:
    (cpu,), (gpu,) = pod(manifest("deployment"))["containers"], pod(with_gpu())["containers"]
    assert "nvidia.com/gpu" not in cpu["resources"]["limits"]
    assert gpu["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert gpu["resources"]["requests"]["nvidia.com/gpu"] == 1


def test_probes_ask_what_the_server_answers(client: TestClient) -> None:
    (container,) = pod(manifest("deployment"))["containers"]
    paths = {
        kind: container[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/startupz", "readiness": "/readyz", "liveness": "/livez"}
    assert [client.get(path).status_code for path in paths.values()] == [200, 200, 200]
    annotations = manifest("deployment")["spec"]["template"]["metadata"]["annotations"]
    assert client.get(annotations["prometheus.io/path"]).status_code == 200


def test_the_file_of_settings_is_taken_and_its_folders_are_mounted(tmp_path: Path) -> None:
    text = manifest("configmap")["data"]["anyres.toml"]
    (tmp_path / "anyres.toml").write_text(text)
    config = ServerConfig(config=tmp_path / "anyres.toml")
    assert set(tomllib.loads(text)) <= config.model_fields_set
    (container,) = pod(manifest("deployment"))["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert str(config.engine_cache) in mounts
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert all(name.startswith(PREFIX) for name in variables)
    assert {name.removeprefix(PREFIX).lower() for name in variables} <= set(
        ServerConfig.model_fields
    )
    assert Path(variables["ANYRES_CONFIG"] or "").parent.as_posix() in mounts
    port = int(variables["ANYRES_PORT"] or 0)
    assert port == container["ports"][0]["containerPort"]
    assert pod(manifest("deployment"))["enableServiceLinks"] is False


def test_the_pod_is_not_killed_before_it_has_drained(tmp_path: Path) -> None:
    (tmp_path / "anyres.toml").write_text(manifest("configmap")["data"]["anyres.toml"])
    config = ServerConfig(config=tmp_path / "anyres.toml")
    spec = pod(manifest("deployment"))
    command = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    sleep_s = float(command[-1].partition("sleep(")[2].rstrip(")"))
    readiness = spec["containers"][0]["readinessProbe"]
    assert sleep_s >= readiness["periodSeconds"]
    needed = sleep_s + config.drain_delay_s + config.drain_timeout_s + SECONDS_TO_END
    assert spec["terminationGracePeriodSeconds"] >= needed


def test_service_budget_policy_and_autoscaler_mean_the_same_pods() -> None:
    deployment = manifest("deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert manifest("service")["spec"]["selector"] == labels
    assert manifest("pdb")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("networkpolicy")["spec"]["podSelector"]["matchLabels"] == labels
    hpa = manifest("hpa")["spec"]
    assert hpa["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    (metric,) = hpa["metrics"]
    (rule,) = manifest("prometheus-adapter")["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
