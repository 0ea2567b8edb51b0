"""Named training runs."""

from models.presets import PRESETS
from training.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    "street": Recipe(
        name="street",
        summary="the shipped bundle: road scenes, three tasks, 2.5 hours on two cores",
        model=PRESETS["lookup-s"],
        num_steps=4000,
    ),
}
