"""From trained weights to other classes: what is frozen stays to the bit, what learns is small."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.config import SegmentationConfig
from models.dense_model import DenseModel
from models.runtime.eager import EagerRuntime
from models.runtime.predictor import Prediction, predict
from models.weights import load_weights, read_weights, save_weights
from tests.tiny_models import TINY, wild
from tests.training.test_loop import RECIPE, Planted, Stops
from training.adapt.adapter_file import AdapterError, merge_adapter
from training.loop import DataEndError, train
from training.recipe import LoraConfig, OptimizerConfig, Recipe
from training.running.run import MAX_IDLE_STEPS, LearnsNothingError, Run

OTHERS = SegmentationConfig(class_names=("dark", "road", "bright"))
BUT_SEGMENTATION = ("backbone", "neck", "depth", "flow*")
LORA = LoraConfig(rank=2, alpha=4.0, parts=("backbone.blocks_16", "neck"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained weights, with CamVid's classes."""
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    save_weights(path, TINY["lookup"], wild(TINY["lookup"]).state_dict())
    return path


@pytest.fixture
def recipe(base: Path) -> Recipe:
    """Everything but a segmentation head for other classes is frozen."""
    return replace(
        RECIPE,
        model=replace(TINY["lookup"], segmentation=OTHERS),
        num_steps=4,
        optimizer=OptimizerConfig(learning_rate=1e-2, warmup_steps=1, average_decay=0.5),
        init=str(base),
        freeze=BUT_SEGMENTATION,
    )


def answers(model: DenseModel) -> Prediction:
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    return predict(EagerRuntime(model), image, np.roll(image, 2, axis=1))


def test_a_new_head_leaves_depth_and_flow_as_they_were_to_the_bit(
    tmp_path: Path, base: Path, recipe: Recipe
) -> None:
    tuned = load_weights(train(recipe, tmp_path, Planted()))
    assert tuned.config.segmentation == OTHERS
    before, after = load_weights(base).state_dict(), tuned.state_dict()
    for name, value in after.items():
        if not name.startswith("segmentation."):
            assert torch.equal(value, before[name]), name
    road = TINY["lookup"].segmentation
    assert road is not None
    old = before["segmentation.project.weight"][road.class_names.index("road")]
    assert not torch.equal(after["segmentation.project.weight"][1], old)  # it learned
    first, second = answers(load_weights(base)), answers(tuned)
    for name in ("depth", "depth_uncertainty", "flow", "flow_uncertainty"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert second.labels is not None
    assert second.labels.max() < 3


def test_what_is_frozen_costs_no_optimizer_state(recipe: Recipe) -> None:
    run = Run(recipe, torch.device("cpu"))
    run.step(0, Planted()[0])
    held = {id(p) for p in run.optimizer.state}
    names = {name for name, p in run.model.named_parameters() if id(p) in held}
    assert names == {
        f"segmentation.{n}.{w}" for n in ("norm", "project") for w in ("weight", "bias")
    }


def test_many_steps_that_can_teach_nothing_are_an_error(recipe: Recipe) -> None:
    run = Run(
        replace(
            recipe,
            freeze=("backbone", "neck", "segmentation", "depth", "flow_enc*"),
            model=TINY["lookup"],
        ),
        torch.device("cpu"),
    )
    image, pair = Planted()[0]
    before = run.model.state_dict()["flow_head.read.weight"].clone()
    for step in range(1, MAX_IDLE_STEPS):
        run.step(step, [image])
    assert torch.equal(run.model.state_dict()["flow_head.read.weight"], before)
    run.step(1, [image, pair])  # the pair teaches the flow head
    assert not torch.equal(run.model.state_dict()["flow_head.read.weight"], before)
    for step in range(1, MAX_IDLE_STEPS):
        run.step(step, [image])
    with pytest.raises(
        LearnsNothingError, match="steps 0 to 19 see segmentation alone, and no parameter"
    ):
        run.step(MAX_IDLE_STEPS - 1, [image])


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_adapters_learn_resume_and_merge(
    tmp_path: Path, base: Path, recipe: Recipe, precision: str
) -> None:
    adapting = replace(
        recipe, lora=LORA, precision="bf16" if precision == "bf16" else "f32", checkpoint_every=2
    )
    straight = train(adapting, tmp_path / "straight", Planted())
    with pytest.raises(DataEndError):
        train(adapting, tmp_path / "stopped", Stops(at=2))
    resumed = train(adapting, tmp_path / "stopped", Planted())
    _, expected = read_weights(straight)
    _, found = read_weights(resumed)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name

    # A plain model of the same config, in which the adapted layers alone have moved.
    tuned = load_weights(straight)
    before = load_weights(base).state_dict()
    moved = {
        name
        for name, value in tuned.state_dict().items()
        if not name.startswith("segmentation.") and not torch.equal(value, before[name])
    }
    assert "backbone.blocks_16.1.gather_q.weight" in moved
    assert "neck.smooth.4.expand.weight" in moved
    assert all(name.startswith(("backbone.blocks_16.", "neck.")) for name in moved)
    assert all(name.endswith("weight") for name in moved)

    # The adapter alone is small, and makes the same weights of the base.
    adapter = tmp_path / "straight" / "adapter.safetensors"
    assert adapter.stat().st_size < 0.5 * straight.stat().st_size
    merge_adapter(base, adapter, tmp_path / "merged.safetensors")
    header, merged = read_weights(tmp_path / "merged.safetensors")
    assert (header["recipe"], header["step"]) == ("tiny", "4")
    assert merged.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(merged[name], value), name


def test_an_adapter_is_added_to_its_own_base_alone(
    tmp_path: Path, base: Path, recipe: Recipe
) -> None:
    train(replace(recipe, lora=LORA, num_steps=1), tmp_path, Planted())
    other = wild(TINY["lookup"])
    other.get_parameter("neck.lateral.4.bias").data[0] += 1e-3
    save_weights(tmp_path / "other.safetensors", TINY["lookup"], other.state_dict())
    with pytest.raises(AdapterError, match=r"was trained on other weights than .*other\.safeten"):
        merge_adapter(
            tmp_path / "other.safetensors", tmp_path / "adapter.safetensors", tmp_path / "out"
        )
    with pytest.raises(AdapterError, match="is no adapter"):
        merge_adapter(base, base, tmp_path / "out")
    assert not (tmp_path / "out").exists()
