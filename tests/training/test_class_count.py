"""Rare classes count more: how rare they are is counted, once."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.config import SegmentationConfig
from models.task import CLASS_NAMES
from tests.tiny_models import TINY
from tests.training.data import tiny_files
from training import class_count
from training.class_count import (
    CACHE,
    ClassShareError,
    class_share_of,
    count_classes,
    with_class_share,
)
from training.data.real import RealDataError
from training.data.root import data_root
from training.losses.segmentation import balanced_weights
from training.own_recipe.own_classes import with_classes_of_data
from training.recipe import DataConfig, Recipe
from training.running.run import Run

needs_camvid = pytest.mark.skipif(
    not (data_root() / "camvid").is_dir(), reason=f"CamVid is not at {data_root() / 'camvid'}"
)
CLASSES = ("wall", "crack", "door")
RECIPE = Recipe(name="tiny", summary="for tests", model=TINY["lookup"], num_steps=1)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """Of 8 labelled pixels 6 are wall, 2 crack."""
    for name, labels in (("a", [[0, 0, 0, 1]]), ("b", [[0, 0, 1, 255]]), ("c", [[0, 255] * 2])):
        tiny_files.image(tmp_path / f"mine/images/{name}.png", (1, 4))
        tiny_files.indices(tmp_path / f"mine/labels/{name}.png", labels)
    tiny_files.text(tmp_path / "mine/dataset.json", json.dumps({"class_names": CLASSES}))
    return f"folder:{tmp_path / 'mine'}"


def own(spec: str) -> Recipe:
    """A recipe for the data set, with its classes."""
    model = replace(RECIPE.model, segmentation=SegmentationConfig(class_names=CLASSES))
    return replace(RECIPE, model=model, data=DataConfig(labelled=(spec,)))


def test_labelled_pixels_are_counted_over_all_images(mine: str) -> None:
    assert count_classes((mine,), CLASSES) == pytest.approx((700 / 9, 200 / 9, 0))


def test_large_sets_are_counted_over_a_part_that_spans_them(
    mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_count, "MAX_IMAGES", 2)  # the first and the last
    assert count_classes((mine,), CLASSES) == pytest.approx((500 / 6, 100 / 6, 0))


def test_the_count_is_kept_in_the_runs_folder_until_the_data_change(
    mine: str, tmp_path: Path
) -> None:
    counted = with_class_share(own(mine), tmp_path)
    assert counted.weights.class_share == pytest.approx((700 / 9, 200 / 9, 0))
    kept = json.loads((tmp_path / CACHE).read_text())
    (tmp_path / CACHE).write_text(json.dumps({**kept, "share": [1.0, 2.0, 3.0]}))
    assert with_class_share(own(mine), tmp_path).weights.class_share == (1.0, 2.0, 3.0)
    (tmp_path / CACHE).write_text(
        json.dumps({**kept, "labelled": ["other"], "share": [1.0, 2.0, 3.0]})
    )
    assert with_class_share(own(mine), tmp_path) == counted


def test_nothing_is_counted_that_a_recipe_states_or_does_not_learn(
    mine: str, tmp_path: Path
) -> None:
    recipe = own(mine)
    stated = replace(recipe, weights=replace(recipe.weights, class_share=(1.0, 1.0, 2.0)))
    unlabelled = replace(recipe, data=replace(recipe.data, images_per_step=0))
    headless = replace(recipe, model=replace(recipe.model, segmentation=None))
    for case in (stated, unlabelled, headless):
        assert with_class_share(case, tmp_path) is case


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ((1.0, 2.0), "has 2 numbers, the model 3 classes: give one for each, or none"),
        ((1.0, 2.0, 3.0, 4.0), "has 4 numbers, the model 3 classes"),
        ((1.0, -2.0, 3.0), "none is below 0 and one is above"),
        ((1.0, math.nan, 3.0), "none is below 0 and one is above"),
        ((0.0, 0.0, 0.0), "none is below 0 and one is above"),
    ],
)
def test_shares_that_are_not_the_models_are_refused_before_the_first_step(
    share: tuple[float, ...], message: str
) -> None:
    recipe = own("folder:nowhere")
    stated = replace(recipe, weights=replace(recipe.weights, class_share=share))
    with pytest.raises(ClassShareError, match=message):
        Run(stated, torch.device("cpu"))


def test_a_model_without_classes_has_no_class_weights() -> None:
    headless = replace(RECIPE, model=replace(RECIPE.model, segmentation=None))
    assert class_share_of(headless) == ()
    assert Run(headless, torch.device("cpu")).class_weights.shape == (0,)
    stated = replace(headless, weights=replace(headless.weights, class_share=(1.0,)))
    with pytest.raises(ClassShareError, match="has 1 numbers, the model 0 classes"):
        class_share_of(stated)


def test_labels_that_say_nothing_are_refused(mine: str) -> None:
    for name in "abc":
        path = Path(mine.removeprefix("folder:")) / f"labels/{name}.png"
        tiny_files.indices(path, np.full((1, 4), 255))
    with pytest.raises(RealDataError, match="every label of 3 images is 255, expected classes 0-2"):
        count_classes((mine,), CLASSES)


def test_the_model_takes_over_the_classes_of_its_data(mine: str) -> None:
    recipe = replace(RECIPE, data=DataConfig(labelled=(mine,)))
    said: list[str] = []
    assert with_classes_of_data(recipe, said.append) == own(mine)
    assert said == [
        f"classes: the 3 of {mine} (wall, crack, door) in place of the model's, which are CamVid's "
        f"11"
    ]
    # Classes that were chosen stay, and a recipe without labelled images asks for none.
    chosen = replace(own(mine), data=DataConfig(labelled=("camvid:train",)))
    assert with_classes_of_data(chosen, said.append) is chosen
    none = replace(recipe, data=replace(recipe.data, images_per_step=0))
    assert with_classes_of_data(none, said.append) is none
    assert len(said) == 1


@needs_camvid
def test_camvid_is_weighed_as_it_was_measured() -> None:
    share = count_classes(("camvid:train",), CLASS_NAMES)
    assert sum(share) == pytest.approx(100)
    # Percent of all pixels, 3.9 % of which are void (SOURCES.md of the data).
    measured = torch.tensor([16.9, 23.3, 1.0, 31.7, 4.5, 9.7, 1.2, 1.1, 5.9, 0.6, 0.3])
    # The rare ones were rounded by up to 7 %, of which a root is taken.
    torch.testing.assert_close(
        balanced_weights(torch.tensor(share)), balanced_weights(measured), rtol=0.04, atol=0
    )
    common = torch.tensor(share)[measured > 4] * 0.961
    torch.testing.assert_close(common, measured[measured > 4], rtol=0.01, atol=0)
