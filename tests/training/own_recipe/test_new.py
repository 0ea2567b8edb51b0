"""`python -m training new` writes a file that is formatted, loads and trains as it stands."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.config import ModelConfig
from models.dense_model import DenseModel
from models.runtime.eager import EagerRuntime
from models.runtime.predictor import predict
from models.weights import WeightsError, load_weights, save_weights
from tests.tiny_models import TINY, wild
from tests.training.data import tiny_files
from training.adapt.start import prepare
from training.data.file_formats import FileFormatError
from training.loop import train
from training.own_recipe.new import NewRecipeError, _known, write_recipe
from training.own_recipe.recipe_arguments import recipe_of
from training.own_recipe.recipe_file import load_recipe
from training.own_recipe.recipe_template import Known, recipe_text
from training.recipe import Recipe
from training.running.optimizer import parameter_groups

SMALL = ["--num-steps", "3", "--data.num-workers", "0", "--precision", "f32", "--threads", "1"]
SMALL += [
    "--data.window",
    "64",
    "64",
    "--data.two-windows-share",
    "0",
    "--data.images-per-step",
    "2",
]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Trained weights of a tiny model with CamVid's classes."""
    path = tmp_path / "base.safetensors"
    save_weights(path, TINY["lookup"], wild(TINY["lookup"]).state_dict())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images whose dark part is a dog and whose bright part is road, in train/ and val/."""
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / "mine" / split / kind).mkdir(parents=True)
        for i in range(3):
            labels = np.zeros((70, 90), np.uint8)
            labels[:, 20 + 10 * i :] = 1
            image = np.repeat(labels[..., None] * 150 + 40, 3, axis=2)
            Image.fromarray(image).save(tmp_path / "mine" / split / "images" / f"{i}.png")
            Image.fromarray(labels).save(tmp_path / "mine" / split / "labels" / f"{i}.png")
    (tmp_path / "mine" / "dataset.json").write_text(json.dumps({"class_names": ["dog", "road"]}))
    return tmp_path / "mine"


def ruff_agrees(path: Path) -> bool:
    """Format and lint as this repository has them."""
    ruff = [sys.executable, "-m", "ruff"]
    config = Path(__file__).parents[3] / "pyproject.toml"
    return all(
        subprocess.run([*ruff, *command, str(path)], capture_output=True).returncode == 0
        for command in (
            ["format", "--check", "--config", str(config)],
            ["check", "--no-cache", "--config", str(config)],
        )
    )


def test_what_can_be_known_is_filled_in_and_the_file_trains(
    tmp_path: Path, weights: Path, folder: Path
) -> None:
    path = write_recipe("my-task", init=str(weights), data=str(folder), folder=tmp_path)
    assert path == tmp_path / "my_task.py"
    recipe = load_recipe(path)
    assert recipe.name == "my-task"
    assert recipe.model.segmentation is not None
    assert recipe.model.segmentation.class_names == ("dog", "road")
    assert recipe.data.labelled == (f"folder:{folder}/train",)
    assert recipe.freeze == ("backbone", "neck", "depth", "flow*")
    assert (recipe.data.scenes_per_step, recipe.data.pairs_per_step) == (0, 0)
    assert recipe.data.photographs == recipe.data.labelled  # where something is rendered after all

    trained = train(recipe_of([str(path), *SMALL], prog="test"), tmp_path / "run")
    model = load_weights(trained)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    found = predict(EagerRuntime(model), image, image)
    before = predict(EagerRuntime(load_weights(weights)), image, image)
    assert found.labels is not None
    assert found.labels.max() <= 1
    assert found.depth is not None
    assert before.depth is not None
    np.testing.assert_array_equal(found.depth, before.depth)


DATA = {"labelled": ("folder:a b",), "depth": ("tum",), "pairs": ("sintel:clean", "hd1k")}


@pytest.mark.parametrize("init", [None, "models/bundles/street"])
@pytest.mark.parametrize("kinds", [("labelled",), ("depth",), ("labelled", "depth", "pairs")])
def test_the_file_is_formatted_and_loads_whatever_is_known(
    tmp_path: Path, init: str | None, kinds: tuple[str, ...]
) -> None:
    names = ("road", 'a "quoted" name', "Straße", *(f"class number {i}" for i in range(40)))
    known = Known(
        name="x" * 40,
        file="my_task.py",
        init=init,
        class_names=names if "labelled" in kinds else (),
        labelled=DATA["labelled"] if "labelled" in kinds else (),
        depth=DATA["depth"] if "depth" in kinds else (),
        pairs=DATA["pairs"] if "pairs" in kinds else (),
    )
    path = tmp_path / "my_task.py"
    path.write_text(recipe_text(known), encoding="utf-8")
    assert ruff_agrees(path)
    recipe = load_recipe(path)
    head = recipe.model.segmentation
    if "labelled" in kinds:
        assert head is not None
        assert head.class_names == names
    assert recipe.data.photographs == DATA[kinds[0]]
    frozen = {name for name in ("segmentation", "depth", "flow*") if name in recipe.freeze}
    learning = {"labelled": "segmentation", "depth": "depth", "pairs": "flow*"}
    if init is None:
        assert recipe.freeze == ()
        assert (recipe.model.depth is not None) == ("depth" in kinds)
        assert (recipe.model.flow is not None) == ("pairs" in kinds)
    else:
        assert frozen == set(learning.values()) - {learning[kind] for kind in kinds}


@pytest.mark.parametrize(
    ("kinds", "heads"),
    [
        (("labelled",), "segmentation"),
        (("depth", "pairs"), "depth flow"),
        (("labelled", "depth", "pairs"), "segmentation depth flow"),
    ],
)
def test_on_an_encoder_of_others_neck_and_heads_learn(
    tmp_path: Path, kinds: tuple[str, ...], heads: str
) -> None:
    init = tmp_path / "imported.safetensors"
    save_weights(init, TINY["vit"], wild(TINY["vit"]).state_dict(), imported="dinov2, from x.pth")
    known = Known(
        name="my-task",
        file="my_task.py",
        init=str(init),
        imported=True,
        class_names=("dog", "road") if "labelled" in kinds else (),
        labelled=DATA["labelled"] if "labelled" in kinds else (),
        depth=DATA["depth"] if "depth" in kinds else (),
        pairs=DATA["pairs"] if "pairs" in kinds else (),
    )
    path = tmp_path / "my_task.py"
    path.write_text(recipe_text(known), encoding="utf-8")
    assert ruff_agrees(path)
    recipe = load_recipe(path)
    assert " ".join(recipe.model.tasks) == heads
    learning = {n for n, p in prepare(recipe).model.named_parameters() if p.requires_grad}
    parts = {name.split(".")[0] for name in learning}
    assert {"neck"} < parts
    assert "backbone" not in parts
    written = write_recipe("other", init=str(init), folder=tmp_path)
    assert load_recipe(written).freeze == ("backbone",)


def test_without_data_it_says_where_to_put_them(tmp_path: Path, weights: Path) -> None:
    path = write_recipe("my-task", init=str(weights), folder=tmp_path)
    assert ruff_agrees(path)
    recipe = load_recipe(path)
    assert recipe.model == TINY["lookup"]
    with pytest.raises(FileFormatError, match="folder:path/to/my/data: .* is not there"):
        train(recipe_of([str(path), *SMALL], prog="test"), tmp_path / "run")


def test_data_sets_without_kinds_are_known_by_their_names(tmp_path: Path) -> None:
    for frame in ("000000_0010", "000000_0011"):
        tiny_files.image(tmp_path / f"hd1k_input/image_2/{frame}.png", (2, 3))
    flow = tiny_files.constant_flow((2, 3), 1.0, 0.0)
    tiny_files.kitti_flow(tmp_path / "hd1k_flow_gt/flow_occ/000000_0010.png", flow)
    data = f"hd1k@{tmp_path}"
    assert load_recipe(write_recipe("cars", data=data, folder=tmp_path)).data.pairs == (data,)
    with pytest.raises(FileFormatError, match="folder:hd2k: hd2k is not there"):
        write_recipe("other", data="hd2k", folder=tmp_path)


def test_what_cannot_be_written_is_refused_and_nothing_is_overwritten(
    tmp_path: Path, weights: Path, folder: Path
) -> None:
    (tmp_path / "my_task.py").write_text("mine")
    with pytest.raises(NewRecipeError, match=r"my_task\.py is there already: choose another name"):
        write_recipe("my-task", init=str(weights), folder=tmp_path)
    assert (tmp_path / "my_task.py").read_text() == "mine"
    with pytest.raises(NewRecipeError, match=r"the name is '\.\./x', expected letters"):
        write_recipe("../x", folder=tmp_path)
    with pytest.raises(WeightsError, match="no such file"):
        write_recipe("other", init=str(tmp_path / "no.safetensors"), folder=tmp_path)
    (folder / "dataset.json").unlink()
    with pytest.raises(FileFormatError, match="labels/ without class names"):
        write_recipe("other", data=str(folder), folder=tmp_path)
    for path in (folder / "train" / "labels").iterdir():
        path.unlink()
    (folder / "train" / "labels").rmdir()
    with pytest.raises(NewRecipeError, match="has no labels, depth or flow, expected labels/NAME"):
        write_recipe("other", data=str(folder), folder=tmp_path)
    assert not (tmp_path / "other.py").exists()


@pytest.mark.parametrize("there", [("segmentation",), ("depth", "flow"), ("flow",)])
@pytest.mark.parametrize("taught", [("labelled",), ("depth",), ("labelled", "pairs")])
def test_whatever_heads_weights_have_those_that_the_data_teach_learn(
    tmp_path: Path, there: tuple[str, ...], taught: tuple[str, ...]
) -> None:
    whole = TINY["lookup"]
    config: ModelConfig = replace(
        whole,
        segmentation=whole.segmentation if "segmentation" in there else None,
        depth=whole.depth if "depth" in there else None,
        flow=whole.flow if "flow" in there else None,
    )
    torch.manual_seed(0)
    model = DenseModel(config)
    init = tmp_path / "init.safetensors"
    save_weights(init, config, dict(model.named_parameters()))
    known = _known("my-task", "my_task.py", str(init), None)
    known = replace(
        known,
        class_names=("road", "dog") if "labelled" in taught else (),
        labelled=("folder:a",) if "labelled" in taught else (),
        depth=("folder:a",) if "depth" in taught else (),
        pairs=("folder:a",) if "pairs" in taught else (),
    )
    path = tmp_path / "my_task.py"
    path.write_text(recipe_text(known), encoding="utf-8")
    assert ruff_agrees(path)
    recipe = load_recipe(path)
    learning = {part for group in groups_of(recipe) for part in group}
    names = {"labelled": "segmentation", "depth": "depth", "pairs": "flow_head"}
    heads = {part for part in learning if part in names.values()}
    assert heads == {names[kind] for kind in taught}
    assert "backbone" not in learning


def groups_of(recipe: Recipe) -> list[set[str]]:
    """Parts whose parameters learn, by group."""
    start = prepare(recipe)
    return [
        {name.split(".")[0] for name in group.names}
        for group in parameter_groups(start.model, recipe.optimizer)
    ]
