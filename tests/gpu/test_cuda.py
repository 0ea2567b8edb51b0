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
from tests.training.test_loop import RECIPE, Planted
from training.loop import train

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
