"""The server on Ray Serve: scaling by pixels without Ray, and a real cluster where Ray is."""

import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from server.ray_app import QUEUE_PIXELS, PixelScaling, RayConfig, Replica
from tests.server.serving import wait_until


def replicas_for(metrics: Mapping[str, Mapping[str, float]] | None) -> int:
    context = SimpleNamespace(aggregated_metrics=metrics)
    return PixelScaling(target_pixels=4e6)(context)[0]


def test_there_are_as_many_replicas_as_the_waiting_pixels_need() -> None:
    assert replicas_for({QUEUE_PIXELS: {"a": 4e6}}) == 1
    assert replicas_for({QUEUE_PIXELS: {"a": 4e6, "b": 4.1e6}}) == 3
    assert replicas_for({QUEUE_PIXELS: {"a": 0.0, "b": 0.0}}) == 1
    assert replicas_for({}) == replicas_for(None) == 1  # before the first report


def test_a_replica_reports_its_queue_and_takes_the_cores_it_was_given(
    folder: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "anyres.toml"
    settings.write_text(f'bundle = "{folder}"\nengine = "onnxruntime"\n')
    replica = Replica(RayConfig(config=settings, cpus=1))
    assert replica.service.config.threads == 1
    replica.service.start()
    wait_until(lambda: replica.service.is_started)
    replica.check_health()
    assert replica.record_autoscaling_stats() == {QUEUE_PIXELS: 0.0}
    replica.service.stop()
    with pytest.raises(Exception, match="stopping|ended"):
        replica.check_health()


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(ValidationError, match="max_replica"):
        RayConfig.model_validate({"max_replica": 4})


CLUSTER = """
import json, sys, urllib.request
import ray
from ray import serve
from server.ray_app import RayConfig, build_app

ray.init(num_cpus=4, _node_ip_address="127.0.0.1", include_dashboard=False,
         object_store_memory=100 * 2**20, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})
app = build_app(RayConfig(config=sys.argv[1], cpus=1, min_replicas=2, max_replicas=2))
serve.run(app, name="anyres", route_prefix="/")

def replica(session):
    # The load time of the model tells replicas apart.
    headers = {"X-Session-Id": session} if session else {}
    url = f"http://127.0.0.1:{sys.argv[2]}/v1/models"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return json.load(answer)["models"][0]["load_s"]

print(json.dumps({
    "one_session": len({replica("video-1") for _ in range(12)}),
    "many_sessions": len({replica(f"video-{n}") for n in range(40)}),
    "no_session": len({replica("") for _ in range(40)}),
}))
serve.shutdown()
ray.shutdown()
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason='ray: pip install -e ".[ray]"')
def test_streams_stay_with_their_replica_and_the_rest_is_spread(
    folder: Path, tmp_path: Path, unused_port: int
) -> None:
    settings = tmp_path / "anyres.toml"
    settings.write_text(f'bundle = "{folder}"\nengine = "onnxruntime"\n')
    done = subprocess.run(
        [sys.executable, "-c", CLUSTER, str(settings), str(unused_port)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (found,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert found == '{"one_session": 1, "many_sessions": 2, "no_session": 2}'


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
