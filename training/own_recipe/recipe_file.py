"""A recipe in a Python file of one's own, as `python -m training new` writes it."""

import importlib.util
import traceback
from pathlib import Path

from training.recipe import Recipe

VARIABLE = "RECIPE"


class RecipeFileError(ValueError):
    """A file that does not make a recipe."""


def is_recipe_file(word: str) -> bool:
    """Whether a word of a command line names a file rather than one of our recipes."""
    return word.endswith(".py")


def load_recipe(path: Path) -> Recipe:
    """Run a file and return its RECIPE.

    Raises:
        RecipeFileError: no such file, one that fails, or one without a recipe.
    """
    if not path.is_file():
        raise RecipeFileError(
            f"{path}: no such file; write one with `python -m training new {path.stem}`"
        )
    spec = importlib.util.spec_from_file_location(f"recipe_file_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeFileError(f"{_place(path, error)}: {type(error).__name__}: {error}") from error
    recipe = getattr(module, VARIABLE, None)
    if not isinstance(recipe, Recipe):
        what = "has no such name" if recipe is None else f"is a {type(recipe).__name__}"
        raise RecipeFileError(
            f"{path}: expected {VARIABLE} = Recipe(...) in it, but it {what}: write another file "
            f"with `python -m training new NAME` and see what differs"
        )
    return recipe


def _place(path: Path, error: Exception) -> str:
    """The file and the line of it that failed."""
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path]
    return f"{path}, line {lines[-1]}" if lines else f"{path}"
