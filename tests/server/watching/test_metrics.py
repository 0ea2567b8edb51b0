"""The page for Prometheus: well formed, complete, and the same names as dashboard and alerts."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.serving import config_for, encoded, plain, wait_until_loaded

DEPLOY = Path(__file__).resolve().parents[3] / "docs" / "deploy"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool: apt install prometheus")

WANTED = {  # serving.md's list, and what alerts need besides
    "anyres_request_seconds": "histogram",
    "anyres_receive_seconds": "histogram",
    "anyres_decode_seconds": "histogram",
    "anyres_queue_seconds": "histogram",
    "anyres_infer_seconds": "histogram",
    "anyres_encode_seconds": "histogram",
    "anyres_batch_images": "histogram",
    "anyres_image_pixels": "histogram",
    "anyres_padding_waste_ratio": "histogram",
    "anyres_queue_requests": "gauge",
    "anyres_queue_pixels": "gauge",
    "anyres_rejected": "counter",
    "anyres_cancelled": "counter",
    "anyres_deadline_missed": "counter",
    "anyres_model_load_seconds": "gauge",
    "anyres_model_loads": "counter",
    "anyres_models_failed": "gauge",
    "anyres_model_up": "gauge",
    "anyres_model_max_pixels": "gauge",
    "anyres_model_bytes": "gauge",
    "anyres_engine_info": "gauge",
    "anyres_cold_shapes": "counter",
    "anyres_engine_restarts": "counter",
    "anyres_codec_restarts": "counter",
    "anyres_queue_dropped": "counter",
    "anyres_queue_expected_seconds": "gauge",
    "anyres_ready": "gauge",
    "anyres_draining": "gauge",
    "anyres_process_resident_memory_bytes": "gauge",
    "anyres_streams": "gauge",
    "anyres_stream_bytes": "gauge",
    "anyres_stream_frames": "counter",
    "anyres_streams_ended": "counter",
    "anyres_odd_maps": "counter",
}


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[str]:
    """After a pair, a single image, a refusal and an unknown path."""
    service = Service(config_for(folder))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        image = encoded(plain(20, 10, (1, 2, 3)))
        client.post("/v1/predict", files={"image": image, "next_image": image})
        client.post("/v1/predict", content=image)
        client.post("/v1/predict", content=b"nonsense")
        client.get("/nothing")
        yield client.get("/metrics").text


@pytest.fixture(scope="module")
def families(page: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(page)}


def test_every_metric_of_the_list_is_there_with_its_type(families: dict[str, Metric]) -> None:
    assert WANTED.items() <= {name: family.type for name, family in families.items()}.items()


def test_names_say_unit_and_kind_and_every_one_is_explained(families: dict[str, Metric]) -> None:
    for name, family in families.items():
        assert re.fullmatch(r"anyres_[a-z0-9]+(_[a-z0-9]+)*", name), name
        assert family.documentation, name
        assert not name.endswith(("_ms", "_mb", "_percent", "_created")), name
        if family.type == "histogram":
            assert name.endswith(("_seconds", "_images", "_requests", "_pixels", "_ratio")), name
            _check_buckets(family)


def _check_buckets(family: Metric) -> None:
    """Every bucket holds those below it, and the last one all."""
    series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    counts = {}
    for sample in family.samples:
        labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        if sample.name.endswith("_bucket"):
            series.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        if sample.name.endswith("_count"):
            counts[labels] = sample.value
    for labels, buckets in series.items():
        values = [count for _, count in sorted(buckets)]
        assert values == sorted(values)
        assert values[-1] == counts[labels]


def test_counts_are_those_of_the_requests(families: dict[str, Metric]) -> None:
    def value(family: str, sample: str, **labels: str) -> float:
        (found,) = [
            one.value
            for one in families[family].samples
            if one.name == sample and labels.items() <= one.labels.items()
        ]
        return found

    assert value("anyres_infer_seconds", "anyres_infer_seconds_count", model="toy") == 2
    assert value("anyres_receive_seconds", "anyres_receive_seconds_count", model="toy") == 3
    assert value("anyres_image_pixels", "anyres_image_pixels_sum", model="toy") == 600
    assert value("anyres_batch_images", "anyres_batch_images_sum", model="toy") == 3
    assert value("anyres_padding_waste_ratio", "anyres_padding_waste_ratio_sum", model="toy") == 0
    # One shape of frames, or two if the pair's shared an array.
    assert value("anyres_cold_shapes", "anyres_cold_shapes_total", graph="frame") in (1, 2)
    assert value("anyres_cold_shapes", "anyres_cold_shapes_total", graph="flow") == 1
    assert value("anyres_engine_restarts", "anyres_engine_restarts_total", model="toy") == 0
    assert value("anyres_codec_restarts", "anyres_codec_restarts_total", crew="encode") == 0
    assert value("anyres_model_up", "anyres_model_up", model="toy", version="1.0") == 1
    engine = {"model": "toy", "version": "1.0", "engine": "onnxruntime", "threads": "1"}
    assert value("anyres_engine_info", "anyres_engine_info", **engine) == 1
    assert value("anyres_model_load_seconds", "anyres_model_load_seconds", version="1.0") > 0


@needs_promtool
def test_promtool_finds_nothing_to_say(page: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def queries() -> Iterator[tuple[str, str]]:
    """(where, expression) of every panel, variable and rule."""
    board = json.loads((DEPLOY / "grafana.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield f"rule {rule.get('alert') or rule.get('record')}", rule["expr"]
    adapter = yaml.safe_load((DEPLOY / "kubernetes" / "prometheus-adapter.yaml").read_text())
    for one in adapter["rules"]["custom"]:
        yield "adapter", one["seriesQuery"]


def test_dashboard_and_rules_name_only_metrics_that_exist(families: dict[str, Metric]) -> None:
    exist = {sample.name for family in families.values() for sample in family.samples}
    exist |= {f"{name}_total" for name, family in families.items() if family.type == "counter"}
    for name, family in families.items():
        if family.type == "histogram":
            exist |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    asked = list(queries())
    assert len(asked) > 20
    for where, expression in asked:
        names = set(re.findall(r"\banyres_\w+", expression))
        assert names, where
        assert names <= exist, where


def test_labels_that_queries_group_by_exist(families: dict[str, Metric]) -> None:
    known = {
        label for family in families.values() for one in family.samples for label in one.labels
    }
    known |= {"le", "instance", "job"}  # of histograms without samples, and of Prometheus itself
    for where, expression in queries():
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            assert {label.strip() for label in group.split(",")} <= known, where


@needs_promtool
def test_promtool_takes_the_alert_rules_and_their_own_tests_pass() -> None:
    assert PROMTOOL is not None
    for arguments in (
        ["check", "rules", str(DEPLOY / "alerts.yaml")],
        ["test", "rules", str(DEPLOY / "alerts_test.yaml")],
    ):
        done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_query_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    expressions = {
        f"q:{index}": expression.replace("$__rate_interval", "5m")
        for index, (where, expression) in enumerate(queries())
        if where.startswith("panel")
    }
    rules = [{"record": name, "expr": expression} for name, expression in expressions.items()]
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]})
    )
    done = subprocess.run(
        [PROMTOOL, "check", "rules", str(tmp_path / "rules.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
