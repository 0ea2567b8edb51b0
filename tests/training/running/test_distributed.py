"""Several processes learn what one does, whatever the way that they share the work."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.dense_model import DenseModel
from models.weights import read_weights, save_weights
from tests.training import fleet
from tests.training.fleet import RECIPE
from training.recipe import LoraConfig, MultiResolutionConfig, Recipe
from training.running.distributed import ProcessError, Processes, device_of, from_environment

SHORT = replace(RECIPE, num_steps=4)


def curve(folder: Path) -> list[dict[str, float]]:
    """What a run has logged, without its times and memory."""
    lines = [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]
    return [
        {name: x for name, x in line.items() if name not in ("step_s", "wait_s", "peak_mib")}
        for line in lines
    ]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(folder / "weights.safetensors")[1]


def assert_same_run(found: Path, expected: Path, *, rel: float = 2e-5) -> None:
    """The same losses, and weights, within what another order of sums makes of them.

    Args:
        found: folder of the run.
        expected: of the run that it should be.
        rel: how far losses and gradient norms may differ. AdamW divides by what they are, so
            weights differ fifty times as much.
    """
    for step, (a, b) in enumerate(zip(curve(found), curve(expected), strict=True)):
        assert a == pytest.approx(b, rel=rel), step
    for name, value in weights(expected).items():
        torch.testing.assert_close(
            weights(found)[name], value, rtol=50 * rel, atol=5 * rel, msg=f"{found.name}: {name}"
        )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run in one process, one pass for each batch."""
    folder = tmp_path_factory.mktemp("alone")
    assert fleet.run(folder, SHORT) == [0]
    return folder


@pytest.mark.parametrize(
    ("world_size", "recipe"),
    [
        (3, SHORT),  # of two pairs one process sees a blank one
        (1, replace(SHORT, tokens_per_pass=24)),  # two images, or one pair
    ],
    ids=["more than samples", "tokens per pass"],
)
def test_a_run_is_the_same_however_it_is_spread(
    alone: Path, tmp_path: Path, world_size: int, recipe: Recipe
) -> None:
    assert fleet.run(tmp_path, recipe, world_size=world_size) == [0] * world_size
    assert_same_run(tmp_path, alone)


def test_a_run_at_several_resolutions_is_the_same_however_it_is_spread(tmp_path: Path) -> None:
    sizes = MultiResolutionConfig(sizes=(0.5, 1.0))
    recipe = replace(SHORT, num_steps=2, multi_resolution=sizes)
    sharded = replace(recipe, parallel="fsdp", tokens_per_pass=48)  # of 1.25 times 12 or 24
    assert fleet.run(tmp_path / "alone", recipe) == [0]
    assert fleet.run(tmp_path / "spread", sharded, world_size=2) == [0, 0]
    assert_same_run(tmp_path / "spread", tmp_path / "alone")


def test_one_process_goes_on_in_two_that_share_the_model_and_back(
    alone: Path, tmp_path: Path
) -> None:
    sharded = replace(SHORT, parallel="fsdp", accumulate=2, recompute=True)
    assert fleet.run(tmp_path, SHORT, fleet.EndsAt(1)) == [1]
    assert "the data end before step 1 of 4" in fleet.said(tmp_path)
    assert fleet.run(tmp_path, sharded, fleet.EndsAt(3), world_size=2) == [1, 1]
    assert "returned a view tensor" not in fleet.said(tmp_path)
    assert fleet.run(tmp_path, SHORT) == [0]
    assert_same_run(tmp_path, alone)


def test_one_that_fails_ends_all(tmp_path: Path) -> None:
    codes = fleet.run(tmp_path, SHORT, fleet.FailsOn(rank=1, step=1), world_size=2)
    assert codes == [1, 1]
    assert "this sample is broken: remove it" in fleet.said(tmp_path, 1)
    assert "process 0 of 2 no longer hears the others" in fleet.said(tmp_path, 0)


def test_one_that_is_asked_to_stop_stops_all_after_the_same_step(
    alone: Path, tmp_path: Path
) -> None:
    data = fleet.Signalled(rank=1, step=1, number=signal.SIGTERM)
    codes = fleet.run(tmp_path, SHORT, data, world_size=2)
    assert codes == [1, 1]  # `Stopped` is raised; the command turns it into 143
    for rank in (0, 1):
        assert "stopped after step 2 of 4" in fleet.said(tmp_path, rank)
    assert len(curve(tmp_path)) == 2
    assert fleet.run(tmp_path, SHORT, world_size=2) == [0, 0]
    assert_same_run(tmp_path, alone)


def test_torchrun_starts_it(alone: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-port", str(fleet.free_port()), "-m", "tests.training.fleet"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path, alone)


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_gpu_that_is_not_there_is_said_to_be_missing(
    world_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    processes = Processes(world_size=world_size, local_world_size=world_size)
    assert device_of("auto", processes).type == "cpu"
    with pytest.raises(ProcessError, match="PyTorch sees no GPU here: give --device cpu"):
        device_of("cuda", processes)


def test_half_of_torchruns_variables_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ProcessError, match="start with `torchrun --nproc-per-node"):
        from_environment()


def test_frozen_parts_and_adapters_are_the_same_in_several_processes(tmp_path: Path) -> None:
    base = tmp_path / "base.safetensors"
    torch.manual_seed(0)
    save_weights(base, RECIPE.model, DenseModel(RECIPE.model).state_dict())
    frozen = ("backbone", "neck", "flow_encoder")
    recipe = replace(SHORT, init=str(base), freeze=frozen, lora=LoraConfig(rank=2))
    assert fleet.run(tmp_path / "one", recipe) == [0]
    assert fleet.run(tmp_path / "two", replace(recipe, parallel="fsdp"), world_size=2) == [0, 0]
    assert_same_run(tmp_path / "two", tmp_path / "one")
    before = read_weights(base)[1]
    for name, value in weights(tmp_path / "two").items():
        if name.startswith(("neck.", "flow_encoder.", "backbone.blocks_16.0.mix")):
            assert torch.equal(value, before[name]), name
    headers = [read_weights(tmp_path / run / "adapter.safetensors")[0] for run in ("one", "two")]
    assert headers[0]["frozen_sha256"] == headers[1]["frozen_sha256"]


def test_a_last_batch_that_teaches_nothing_leaves_shards_in_order(tmp_path: Path) -> None:
    base = tmp_path / "base.safetensors"
    torch.manual_seed(0)
    save_weights(base, RECIPE.model, DenseModel(RECIPE.model).state_dict())
    frozen = ("backbone", "neck", "segmentation", "depth")
    recipe = replace(SHORT, init=str(base), freeze=frozen)
    data = fleet.PairsFirst()
    assert fleet.run(tmp_path / "one", recipe, data=data) == [0]
    sharded = replace(recipe, parallel="fsdp")
    assert fleet.run(tmp_path / "two", sharded, data=data, world_size=2) == [0, 0]
    assert_same_run(tmp_path / "two", tmp_path / "one")
