"""A run goes on as the same run alone; recipes that grew new fields are still the same."""

from dataclasses import replace

from models.config import VitConfig
from tests.tiny_models import TINY
from training.recipe import LoraConfig, OptimizerConfig, Recipe, differences, recipe_to_dict

PLAIN = Recipe(name="tiny", summary="for tests", model=TINY["vit"], num_steps=1)


def test_a_run_that_began_before_a_field_was_there_goes_on_with_its_default() -> None:
    saved = recipe_to_dict(PLAIN)
    del saved["freeze"], saved["lora"], saved["optimizer"]["layer_decay"]
    assert differences(saved, PLAIN) == []
    other = replace(
        PLAIN,
        freeze=("neck",),
        lora=LoraConfig(rank=4),
        optimizer=OptimizerConfig(layer_decay=0.5),
    )
    assert differences(saved, other) == ["freeze", "lora.rank", "optimizer.layer_decay"]
    assert differences(recipe_to_dict(other), replace(other, num_steps=9)) == []


def test_a_run_goes_on_that_began_before_its_model_had_a_field() -> None:
    saved = recipe_to_dict(PLAIN)
    del saved["model"]["backbone"]["mlp"], saved["model"]["depth"]["overview_side"]
    assert differences(saved, PLAIN) == []
    assert isinstance(PLAIN.model.backbone, VitConfig)
    deeper = replace(PLAIN.model.backbone, num_blocks=3, mlp="swiglu")
    other = replace(PLAIN, model=replace(PLAIN.model, backbone=deeper))
    assert differences(saved, other) == ["model.backbone.mlp", "model.backbone.num_blocks"]
