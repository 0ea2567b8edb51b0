"""Named training runs."""

from dataclasses import replace

from models.config import DepthConfig
from models.presets import PRESETS
from training.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    "street": Recipe(
        name="street",
        summary="the shipped bundle: road scenes, three tasks, 2.5 hours on two cores",
        model=replace(PRESETS["lookup-s"], depth=DepthConfig(overview_side=224)),
        num_steps=4000,
    ),
}
