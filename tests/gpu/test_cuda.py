"""A GPU answers and learns like a CPU. Skipped where there is none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.runtime.eager import EagerRuntime
from models.runtime.predictor import predict
from tests.tiny_models import TINY, wild
from tests.training import fleet
from tests.training.running.test_distributed import assert_same_run
from tests.training.test_loop import RECIPE, Planted
from training.loop import train
from training.recipe import Recipe

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize("family", sorted(TINY))
def test_maps_are_those_of_the_cpu(family: str) -> None:
    rng = np.random.default_rng(0)
    image, following = rng.integers(0, 256, (2, 75, 118, 3), np.uint8)
    expected = predict(EagerRuntime(wild(TINY[family])), image, following)
    found = predict(EagerRuntime(wild(TINY[family]), device="cuda"), image, following)
    assert expected.labels is not None
    assert found.labels is not None
    assert (found.labels == expected.labels).mean() > 0.99
    for name in ("depth", "flow"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-2, atol=1e-2, err_msg=name
        )


def test_a_recipe_learns_in_bf16(tmp_path: Path) -> None:
    recipe = replace(RECIPE, num_steps=60, checkpoint_every=60, device="cuda", precision="bf16")
    train(recipe, tmp_path, Planted())
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    for task in ("segmentation", "depth"):
        assert lines[-1][task] < 0.8 * lines[0][task], task


CUDA = replace(fleet.RECIPE, num_steps=3, device="cuda")
several = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")


@pytest.mark.parametrize(
    "recipe",
    [replace(CUDA, accumulate=2), replace(CUDA, recompute=True), replace(CUDA, compile=True)],
    ids=["accumulate", "recompute", "compile"],
)
def test_a_run_on_a_gpu_is_that_of_the_cpu(tmp_path: Path, recipe: Recipe) -> None:
    assert fleet.run(tmp_path / "cpu", replace(CUDA, device="cpu")) == [0]
    assert fleet.wait(fleet.start(tmp_path / "cuda", recipe), limit_s=600) == [0]
    assert_same_run(tmp_path / "cuda", tmp_path / "cpu", rel=2e-2)


@several
@pytest.mark.parametrize(
    "recipe",
    [
        CUDA,
        replace(CUDA, parallel="fsdp"),
        replace(CUDA, parallel="fsdp", recompute=True, accumulate=2),
        replace(CUDA, parallel="fsdp", compile=True),
    ],
    ids=["ddp", "fsdp", "fsdp recomputed in passes", "fsdp compiled"],
)
def test_two_gpus_learn_what_one_does(tmp_path: Path, recipe: Recipe) -> None:
    assert fleet.run(tmp_path / "one", CUDA) == [0]
    processes = fleet.start(tmp_path / "two", recipe, world_size=2)
    assert fleet.wait(processes, limit_s=600) == [0, 0]
    assert_same_run(tmp_path / "two", tmp_path / "one", rel=2e-2)


@several
def test_a_sharded_run_goes_on_on_one_gpu(tmp_path: Path) -> None:
    sharded = replace(CUDA, parallel="fsdp")
    assert fleet.run(tmp_path / "one", CUDA) == [0]
    assert fleet.run(tmp_path / "two", sharded, fleet.EndsAt(2), world_size=2) == [1, 1]
    assert fleet.run(tmp_path / "two", CUDA) == [0]
    assert_same_run(tmp_path / "two", tmp_path / "one", rel=2e-2)
