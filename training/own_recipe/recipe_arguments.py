"""From a command line to a recipe: one of ours or a file, with any of its values changed."""

from dataclasses import replace
from pathlib import Path

import tyro

from training.own_recipe.recipe_file import is_recipe_file, load_recipe
from training.recipe import MultiResolutionConfig, Recipe
from training.recipes import RECIPES

MULTI_RESOLUTION = "--multi-resolution"
"""As it is, with the defaults of MultiResolutionConfig; or with one of its fields behind a dot."""


def recipe_of(arguments: list[str], *, prog: str) -> Recipe:
    """The recipe that the first word names, with the values that the others give.

    Args:
        arguments: of the command, a recipe's name or file first.
        prog: what --help calls the command.
    """
    several = any(word.split(".")[0] == MULTI_RESOLUTION for word in arguments)
    arguments = [word for word in arguments if word != MULTI_RESOLUTION]

    def start(recipe: Recipe) -> Recipe:
        # tyro has no flag for a part that is not there: put it there, then read its values.
        if several and recipe.multi_resolution is None:
            return replace(recipe, multi_resolution=MultiResolutionConfig())
        return recipe

    if arguments and is_recipe_file(arguments[0]):
        own = start(load_recipe(Path(arguments[0])))
        prog = f"{prog} {arguments[0]}"
        return tyro.cli(
            Recipe, prog=prog, args=arguments[1:], default=own, config=(tyro.conf.AvoidSubcommands,)
        )
    configs = {name: (recipe.summary, start(recipe)) for name, recipe in RECIPES.items()}
    return tyro.extras.overridable_config_cli(configs, prog=prog, args=arguments)
