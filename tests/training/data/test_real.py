"""What a recipe names must teach what it is named for."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.task import CLASS_NAMES
from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError, write_flo
from training.data.real import RealDataError, draw, open_labelled, open_pairs, open_with_depth

SIZE = (4, 6)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    for number in range(3):
        tiny_files.image(tmp_path / f"images/{number}.png", SIZE, number)
        tiny_files.indices(tmp_path / f"labels/{number}.png", np.full(SIZE, number % 2))
        tiny_files.text(tmp_path / "depth/.keep", "")
        np.save(tmp_path / f"depth/{number}.npy", np.ones(SIZE))
    tiny_files.text(tmp_path / "dataset.json", json.dumps({"class_names": ["wall", "crack"]}))
    return f"folder:{tmp_path}"


def test_classes_must_be_the_models(mine: str) -> None:
    assert len(open_labelled((mine, mine), ("wall", "crack"))) == 6
    with pytest.raises(
        RealDataError,
        match=r"has 2 classes \(wall, crack\), the model 11 \(sky, building, pole, road, \.\.\.\): "
        "set the model's segmentation.class_names to those of the data set",
    ):
        open_labelled((mine,), CLASS_NAMES)
    with pytest.raises(RealDataError, match="the model no segmentation head: give it one, or set"):
        open_labelled((mine,), ())


def test_truth_that_is_not_there_is_said(mine: str, tmp_path: Path) -> None:
    assert len(open_with_depth((mine,))) == 3
    with pytest.raises(RealDataError, match="has no flow, expected pairs with flow"):
        open_pairs((mine,))
    pairs = tmp_path / "pairs"
    for number in range(2):
        tiny_files.image(pairs / f"images/{number}.png", SIZE)
    (pairs / "flow").mkdir()
    write_flo(pairs / "flow/0.flo", tiny_files.constant_flow(SIZE, 1, 0))
    assert len(open_pairs((f"folder:{pairs}",))) == 1
    with pytest.raises(RealDataError, match="has no depth, expected images with depth"):
        open_with_depth((f"folder:{pairs}",))
    with pytest.raises(RealDataError, match="has no labels, expected labelled images: name it in"):
        open_labelled((f"folder:{pairs}",), CLASS_NAMES)
    with pytest.raises(FileFormatError, match="is not there"):
        open_labelled((f"folder:{pairs / 'none'}",), CLASS_NAMES)


def test_every_sample_is_drawn_sooner_or_later(mine: str) -> None:
    data = open_with_depth((mine,))
    rng = np.random.default_rng(0)
    assert {draw(rng, data).name[-1] for _ in range(30)} == {"0", "1", "2"}
