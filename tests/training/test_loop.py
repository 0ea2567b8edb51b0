"""The loop learns, and resumes as if it had never stopped."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from models.config import FlowConfig, LookupConfig, ModelConfig
from models.dense_model import DenseModel
from models.weights import load_weights, read_weights, save_weights
from training.adapt.transfer import TransferError
from training.data.batch import Batch, collate
from training.data.sample import Cut
from training.loop import DataEndError, train
from training.recipe import DataConfig, OptimizerConfig, Recipe
from training.running.checkpoint import CheckpointError, checkpoints_in
from training.running.run import LearnsNothingError
from training.running.stop_signals import Stopped
from training.running.trained_weights import save_trained
from training.step import Chance, losses

MODEL = ModelConfig(
    name="tiny",
    backbone=LookupConfig(
        channels=(8, 16, 32), num_blocks=(1, 1, 1), num_heads=2, num_lookup_tokens=16
    ),
    neck_channels=16,
    flow=FlowConfig(descriptor_channels=8, context_channels=8, hidden_channels=16, radius=2),
)
RECIPE = Recipe(
    name="tiny",
    summary="for tests",
    model=MODEL,
    num_steps=6,
    data=DataConfig(num_workers=0),
    optimizer=OptimizerConfig(warmup_steps=2, learning_rate=3e-3),
    precision="f32",
    device="cpu",
    threads=1,
    lookup_tokens=(9, 16),
    checkpoint_every=2,
)


class Planted(Dataset[list[Batch]]):
    """Bright is class 1 and near; everything moves by two pixels to the right."""

    def __getitem__(self, step: int) -> list[Batch]:
        rng = np.random.default_rng(step)
        return [collate([make(rng, pair=False)]), collate([make(rng, pair=True)])]


def make(rng: np.random.Generator, *, pair: bool) -> Cut:
    level = np.kron(rng.integers(0, 2, (4, 6)), np.ones((16, 16), int))
    image = (level[..., None] * 150 + rng.integers(0, 60, (64, 96, 3))).astype(np.uint8)
    return Cut(
        name="planted",
        canvas=(64, 96),
        origins=np.zeros((1, 2), np.int64),
        image=image[None],
        next_origins=np.zeros((1, 2), np.int64) if pair else None,
        next_image=np.roll(image, 2, axis=1)[None] if pair else None,
        labels=level[None].astype(np.uint8),
        inverse_depth=(level[None] + 0.1).astype(np.float32) if pair else None,
        flow=np.tile(np.array([2.0, 0.0], np.float32), (1, 64, 96, 1)) if pair else None,
    )


def test_six_steps_equal_four_steps_a_stop_and_two_more(tmp_path: Path) -> None:
    straight = train(RECIPE, tmp_path / "straight", Planted())
    with pytest.raises(DataEndError, match="the data end before step 4 of 6: give data that know"):
        train(replace(RECIPE, num_steps=6), tmp_path / "stopped", Stops(at=4))
    resumed = train(RECIPE, tmp_path / "stopped", Planted())
    _, expected = read_weights(straight)
    header, found = read_weights(resumed)
    assert header["step"] == "6"
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


class Stops(Planted):
    """Data that end early: the run ends as if it had been killed."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __getitem__(self, step: int) -> list[Batch]:
        if step >= self.at:
            raise StopIteration
        return super().__getitem__(step)


def test_the_planted_answer_is_learned(tmp_path: Path) -> None:
    recipe = replace(RECIPE, num_steps=60, checkpoint_every=60)
    weights = train(recipe, tmp_path, Planted())
    lines = (tmp_path / "losses.jsonl").read_text().splitlines()
    assert len(lines) == 60
    model = load_weights(weights)
    assert model.config == MODEL
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    for task in ("segmentation", "depth"):
        assert last[task] < 0.8 * first[task], task
    # Flow turns from L1 to a likelihood on the way, so its losses do not compare: its answers do.
    untrained = DenseModel(MODEL)
    assert end_point_error(model) < 0.25 * end_point_error(untrained)


def end_point_error(model: DenseModel) -> float:
    batch = collate([make(np.random.default_rng(10**6 + i), pair=True) for i in range(8)])
    with torch.no_grad():
        first, second = model.encode(batch.windows()), model.encode(batch.next_windows())
        assert first.flow_features is not None
        assert second.flow_features is not None
        estimates = model.flow(first.flow_features, second.flow_features, first.placement)
    assert batch.flow is not None
    error = estimates[-1].flow.permute(0, 2, 3, 1) - batch.flow.flatten(0, 1)
    return float(error.norm(dim=-1).mean())


WIDER = replace(
    MODEL,
    backbone=LookupConfig(
        channels=(8, 16, 32), num_blocks=(1, 1, 2), num_heads=2, num_lookup_tokens=16
    ),
)


def test_a_run_does_not_go_on_as_another(tmp_path: Path) -> None:
    train(replace(RECIPE, num_steps=2), tmp_path, Planted())
    with pytest.raises(CheckpointError, match=r"other values of model\.backbone\.num_blocks: give"):
        train(replace(RECIPE, model=WIDER), tmp_path, Planted())
    assert json.loads((tmp_path / "recipe.json").read_text())["num_steps"] == 2
    (tmp_path / "recipe.json").unlink()
    with pytest.raises(CheckpointError, match=r"blocks_16\.1\S+ is missing, expected \("):
        train(replace(RECIPE, model=WIDER), tmp_path, Planted())


def test_weights_of_another_model_are_no_start(tmp_path: Path) -> None:
    save_weights(tmp_path / "other.safetensors", WIDER, DenseModel(WIDER).state_dict())
    recipe = replace(RECIPE, init=str(tmp_path / "other.safetensors"))
    with pytest.raises(TransferError, match="choose weights of the same encoder"):
        train(recipe, tmp_path / "run", Planted())


def test_steps_after_the_checkpoint_are_logged_once(tmp_path: Path) -> None:
    with pytest.raises(DataEndError):
        train(replace(RECIPE, num_steps=6), tmp_path, Stops(at=5))  # the checkpoint holds four
    train(RECIPE, tmp_path, Planted())
    lines = (tmp_path / "losses.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(6))


def test_a_run_whose_weights_were_not_written_does_its_last_step_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*args: Any, done: int, **kwargs: Any) -> None:
        if done == RECIPE.num_steps:
            raise OSError("no space left")
        save_trained(*args, done=done, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("training.running.run.save_trained", full_disk)
        with pytest.raises(OSError, match="no space left"):
            train(RECIPE, tmp_path / "stopped", Planted())
    _, found = read_weights(train(RECIPE, tmp_path / "stopped", Planted()))
    _, expected = read_weights(train(RECIPE, tmp_path / "straight", Planted()))
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_many_steps_without_a_finite_gradient_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflows(*args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:
        return {name: value * float("inf") for name, value in losses(*args, **kwargs).items()}

    monkeypatch.setattr("training.step.losses", overflows)
    with pytest.raises(LearnsNothingError, match="steps 0 to 19 have no finite gradient"):
        train(replace(RECIPE, num_steps=30), tmp_path, Planted())


class Signals(Planted):
    """Tells every process of the run to end, as job systems do, while a worker makes a step."""

    def __getitem__(self, step: int) -> list[Batch]:
        if step == 3:
            os.kill(os.getppid(), signal.SIGTERM)
            assert os.getpgid(0) != os.getpgid(os.getppid())  # what is sent to the group misses it
        return super().__getitem__(step)


def test_a_signal_to_the_whole_group_leaves_the_workers_to_the_run(tmp_path: Path) -> None:
    recipe = replace(RECIPE, num_steps=30, data=replace(RECIPE.data, num_workers=1))
    with pytest.raises(Stopped) as stopped:
        train(recipe, tmp_path, Signals())
    assert stopped.value.exit_code == 128 + signal.SIGTERM
    assert checkpoints_in(tmp_path)


def test_a_step_without_a_finite_gradient_is_left_out_and_resumed_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, chance: Chance, **kwargs: Any) -> dict[str, torch.Tensor]:
        factor = float("nan") if round(chance.progress * RECIPE.num_steps) == 1 else 1.0
        found = losses(*args, chance=chance, **kwargs)
        return {name: value * factor for name, value in found.items()}

    monkeypatch.setattr("training.step.losses", broken)
    straight = train(RECIPE, tmp_path / "straight", Planted())
    lines = (tmp_path / "straight" / "losses.jsonl").read_text().splitlines()
    assert [json.loads(line)["gradient_norm_0"] is None for line in lines] == [
        False,
        True,
        *[False] * 4,
    ]
    with pytest.raises(DataEndError):
        train(RECIPE, tmp_path / "stopped", Stops(at=4))
    resumed = train(RECIPE, tmp_path / "stopped", Planted())
    _, expected = read_weights(straight)
    _, found = read_weights(resumed)
    for name, value in expected.items():
        assert value.isfinite().all()
        assert torch.equal(found[name], value), name
