"""The command line around recipes of one's own."""

from pathlib import Path

import pytest
import torch

from models.weights import WeightsError, read_weights, save_weights
from tests.tiny_models import TINY, wild
from training.__main__ import main
from training.adapt.start import prepare
from training.own_recipe.recipe_file import load_recipe
from training.recipe import LoraConfig
from training.running.trained_weights import save_trained

TEXT = """
from training.recipe import LoraConfig, Recipe
from training.adapt.start import model_like

RECIPE = Recipe(
    name="no-such-run",
    summary="for tests",
    model=model_like(INIT, class_names=("road", "dog")),
    num_steps=1,
    init=INIT,
    freeze=("backbone", "neck", "depth", "flow*"),
    lora=LoraConfig(rank=2, parts=("backbone.blocks",)),
)
"""


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """A recipe that adapts a tiny model to two classes; the model lies beside it."""
    base = tmp_path / "base.safetensors"
    save_weights(base, TINY["vit"], wild(TINY["vit"]).state_dict())
    path = tmp_path / "my_task.py"
    path.write_text(f"INIT = {str(base)!r}\n{TEXT}")
    return path


def test_groups_lists_what_starts_where_and_what_learns_how_fast(
    recipe_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["groups", str(recipe_file), "--optimizer.rate-factors", "segmentation", "10"])
    lines = capsys.readouterr().out.splitlines()
    assert "classes kept:     road" in lines
    assert "classes new:      dog" in lines
    table = [line.split() for line in lines[-3:]]
    assert table[0][:3] == ["6.00e-03", "10", "0.05"]
    assert table[2][1:3] == ["1", "0"]
    assert table[2][-1] == "backbone"


def test_an_adapter_is_merged_by_command(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file)
    assert recipe.lora == LoraConfig(rank=2, parts=("backbone.blocks",))
    model = prepare(recipe).model
    learned = [name for name, p in model.named_parameters() if p.requires_grad]
    state = {name: p.detach() for name, p in model.named_parameters()}
    state |= {name: torch.rand_like(state[name]) for name in learned}
    save_trained(tmp_path, recipe, state, learned=learned, done=5)
    words = ["base.safetensors", "adapter.safetensors", "merged.safetensors"]
    main(["merge-lora", *(str(tmp_path / word) for word in words)])
    expected = read_weights(tmp_path / "weights.safetensors")[1]
    found = read_weights(tmp_path / "merged.safetensors")[1]
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_recipe_that_never_ran_has_nothing_to_score(recipe_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"runs/no-such-run/weights\.safetensors: no such file"):
        main(["evaluate", str(recipe_file)])
