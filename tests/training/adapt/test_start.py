"""What a run starts from, what of it is frozen, and which mistakes are refused before it begins."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.config import SegmentationConfig
from models.dense_model import DenseModel
from models.weights import save_weights
from tests.tiny_models import TINY, wild
from training.adapt.start import StartError, model_like, prepare
from training.recipe import LoraConfig, Recipe

PLAIN = Recipe(name="tiny", summary="for tests", model=TINY["vit"], num_steps=1)
OTHERS = SegmentationConfig(class_names=("road", "dog"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Trained weights of the tiny model, with CamVid's classes."""
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(path, TINY["vit"], wild(TINY["vit"]).state_dict())
    return str(path)


def test_without_anything_said_a_model_is_fresh_and_all_of_it_learns() -> None:
    start = prepare(PLAIN)
    torch.manual_seed(PLAIN.data.seed)
    fresh = DenseModel(TINY["vit"]).state_dict()
    assert start.lines == ()
    for name, parameter in start.model.named_parameters():
        assert torch.equal(parameter, fresh[name])
        assert parameter.requires_grad


def test_frozen_parts_and_adapters_are_what_the_recipe_says(weights: str) -> None:
    recipe = replace(
        PLAIN,
        init=weights,
        model=replace(TINY["vit"], segmentation=OTHERS),
        freeze=("backbone", "neck", "flow*"),
        lora=LoraConfig(rank=2, parts=("backbone.blocks.1",)),
    )
    start = prepare(recipe)
    learning = [name for name, p in start.model.named_parameters() if p.requires_grad]
    adapters = [
        f"backbone.blocks.1.{layer}.lora_{which}"
        for layer in ("qkv", "out", "mlp_in", "mlp_out")
        for which in ("down", "up")
    ]
    rest = [name for name in learning if name not in adapters]
    assert set(adapters) <= set(learning)
    assert {name.split(".")[0] for name in rest} == {"segmentation", "depth"}
    assert start.lines[-3:-1] == (
        "frozen:           backbone, neck, flow*",
        "adapters:         rank 2 beside 4 linear layers of backbone.blocks.1",
    )
    assert "classes kept:     road" in start.lines


def test_what_was_never_trained_must_learn(weights: str) -> None:
    with pytest.raises(StartError, match="backbone would be frozen, .* there is no `init`"):
        prepare(replace(PLAIN, freeze=("backbone.blocks.0",)))
    with pytest.raises(StartError, match="backbone would be frozen"):
        prepare(replace(PLAIN, lora=LoraConfig(rank=2)))
    new_classes = replace(PLAIN, init=weights, model=replace(TINY["vit"], segmentation=OTHERS))
    with pytest.raises(StartError, match="segmentation would be frozen, .* in this form"):
        prepare(replace(new_classes, freeze=("segmentation",)))
    fewer = replace(TINY["vit"], segmentation=SegmentationConfig(class_names=("road", "sky")))
    prepare(replace(new_classes, model=fewer, freeze=("segmentation",)))  # none of them is new


def test_of_imported_weights_the_encoder_alone_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "imported.safetensors"
    source = wild(TINY["vit"])
    save_weights(path, TINY["vit"], source.state_dict(), imported="DINOv2, from x.pth")
    recipe = replace(PLAIN, init=str(path), freeze=("backbone",))
    start = prepare(recipe)
    assert start.lines[1:3] == (
        "taken over:       backbone",
        "made new:         neck, segmentation, depth, flow_encoder, flow_head",
    )
    fresh = prepare(PLAIN).model.state_dict()
    for name, value in start.model.state_dict().items():
        taken = name.startswith("backbone.")
        assert torch.equal(value, source.state_dict()[name] if taken else fresh[name]), name
    with pytest.raises(StartError, match="neck would be frozen"):
        prepare(replace(recipe, freeze=("neck",)))


def test_a_model_can_be_that_of_the_weights(weights: str) -> None:
    assert model_like(weights) == TINY["vit"]
    assert model_like(weights, class_names=("road", "dog"), name="mine") == replace(
        TINY["vit"], segmentation=OTHERS, name="mine"
    )
    bundle = Path(__file__).parents[3] / "models" / "bundles" / "street"
    assert model_like(bundle).name == "lookup-s"
