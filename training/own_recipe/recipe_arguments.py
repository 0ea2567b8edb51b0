"""From a command line to a recipe: one of ours or a file, with any of its values changed."""

from dataclasses import replace
from pathlib import Path

import tyro

from training.own_recipe.recipe_file import is_recipe_file, load_recipe
from training.recipe import MultiResolutionConfig, Recipe
from training.recipes import RECIPES

MULTI_RESOLUTION = "--multi-resolution"
"""As it is, with the defaults of MultiResolutionConfig; or with one of its fields behind a dot."""
ONE_RESOLUTION = "--no-multi-resolution"
"""Switches it off where a recipe has it."""


class ArgumentError(ValueError):
    """Words of a command line that contradict each other."""


def recipe_of(arguments: list[str], *, prog: str) -> Recipe:
    """The recipe that the first word names, with the values that the others give.

    Args:
        arguments: of the command, a recipe's name or file first.
        prog: what --help calls the command.

    Raises:
        ArgumentError: several resolutions are asked for, and none but that of the crops.
        RecipeFileError: the file does not make a recipe.
    """
    several = any(_flag(word).split(".")[0] == MULTI_RESOLUTION for word in arguments)
    one = any(_flag(word) == ONE_RESOLUTION for word in arguments)
    if several and one:
        raise ArgumentError(f"{MULTI_RESOLUTION} and {ONE_RESOLUTION} came: give one of them")
    arguments = [
        word for word in arguments if _flag(word) not in (MULTI_RESOLUTION, ONE_RESOLUTION)
    ]

    def start(recipe: Recipe) -> Recipe:
        # tyro has no flag for a part that may be there or not: decide, then read its values.
        if one:
            return replace(recipe, multi_resolution=None)
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


def _flag(word: str) -> str:
    """A word as flags are spelled: tyro takes _ for - everywhere."""
    return word.replace("_", "-")
