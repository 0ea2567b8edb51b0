"""A recipe in a file of one's own is run by its path; mistakes in it are named by line."""

from pathlib import Path

import pytest

from training.own_recipe.recipe_arguments import ArgumentError, recipe_of
from training.own_recipe.recipe_file import RecipeFileError, load_recipe

GOOD = """
from models.presets import PRESETS
from training.recipe import Recipe

RECIPE = Recipe(name="mine", summary="", model=PRESETS["lookup-t"], num_steps=7)
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "my_task.py"
    path.write_text(text)
    return path


def test_a_file_is_a_recipe_whose_values_the_command_line_changes(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert load_recipe(path).num_steps == 7
    recipe = recipe_of(
        [str(path), "--num-steps", "3", "--freeze", "neck", "depth", "--lora.rank", "4"]
        + ["--optimizer.rate-factors", "backbone", "0.1", "flow*", "0.5"],
        prog="test",
    )
    assert (recipe.name, recipe.num_steps, recipe.lora.rank) == ("mine", 3, 4)
    assert recipe.freeze == ("neck", "depth")
    assert recipe.optimizer.rate_factors == (("backbone", 0.1), ("flow*", 0.5))


SEVERAL = GOOD.replace("import Recipe", "import MultiResolutionConfig, Recipe").replace(
    "num_steps=7", "num_steps=7, multi_resolution=MultiResolutionConfig(sizes=(1.0, 2.0))"
)


@pytest.mark.parametrize(
    ("text", "words", "sizes"),
    [
        (GOOD, [], None),
        (GOOD, ["--multi-resolution"], (0.5, 1.0, 2.0)),
        (GOOD, ["--multi_resolution"], (0.5, 1.0, 2.0)),
        (GOOD, ["--multi_resolution.sizes", "0.25", "1"], (0.25, 1.0)),
        (SEVERAL, [], (1.0, 2.0)),
        (SEVERAL, ["--multi_resolution"], (1.0, 2.0)),
        (SEVERAL, ["--no-multi-resolution"], None),
        (SEVERAL, ["--no_multi_resolution"], None),
    ],
)
def test_several_resolutions_are_switched_on_and_off_however_the_flag_is_spelled(
    tmp_path: Path, text: str, words: list[str], sizes: tuple[float, ...] | None
) -> None:
    found = recipe_of([str(written(tmp_path, text)), *words], prog="test").multi_resolution
    assert (found.sizes if found else None) == sizes


def test_several_resolutions_and_one_contradict_each_other() -> None:
    words = ["street", "--multi-resolution.sizes", "1", "2", "--no-multi-resolution"]
    with pytest.raises(ArgumentError, match="give one of them"):
        recipe_of(words, prog="test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", r"my_task\.py: expected RECIPE = Recipe\(\.\.\.\) in it, but it has no such"),
        ("RECIPE = 3\n", "in it, but it is a int"),
        ("\n\ndef f(:\n", r"my_task\.py, line 3: SyntaxError"),
        ("a = 1\nb = a + c\n", r"my_task\.py, line 2: NameError: name 'c'"),
        (GOOD.replace("num_steps", "steps"), r"my_task\.py, line 5: TypeError: .*steps"),
        (
            "from training.adapt.start import model_like\n\nmodel_like('no.safetensors')\n",
            r"line 3: Weig",
        ),
    ],
)
def test_a_file_that_makes_no_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeFileError, match=message):
        load_recipe(written(tmp_path, text))


def test_a_file_that_is_not_there_is_told_how_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeFileError, match="no such file; write one with .* new my_task"):
        load_recipe(tmp_path / "my_task.py")
