"""Data sets by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.image.label_sets import ADE20K, CITYSCAPES
from tests.training.data import tiny_files
from training.data.catalog import CATALOG, CatalogError, open_all, open_data
from training.data.file_formats import FileFormatError

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "data.md"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYRES_DATA", str(tmp_path))
    return tmp_path


def write_bdd(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        tiny_files.image(folder / f"images/10k/train/{name}.jpg", (1, 2), number)
        tiny_files.indices(folder / f"labels/sem_seg/masks/train/{name}.png", [[0, 18]])


def test_a_name_says_what_and_where(root: Path) -> None:
    write_bdd(root / "bdd100k", "a")
    data = open_data("bdd100k:train")
    assert len(data) == 1
    assert data.class_names == CITYSCAPES.class_names
    assert data[0].name == "bdd100k/train/a"
    write_bdd(root / "elsewhere", "b", "c")
    assert len(open_data(f"bdd100k:train@{root / 'elsewhere'}")) == 2


def test_a_folder_of_ones_own_brings_its_classes(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / "images/a.png", (1, 2))
    tiny_files.indices(tmp_path / "labels/a.png", [[0, 1]])
    tiny_files.text(
        tmp_path / "dataset.json", json.dumps({"class_names": ["wall", "crack"], "far_m": 5})
    )
    data = open_data(f"folder:{tmp_path}")
    assert data.class_names == ("wall", "crack")
    assert data.far_m == 5.0


def test_inverse_depth_of_ones_own_is_not_said_to_be_metres(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / "images/a.png", (1, 2))
    tiny_files.text(tmp_path / "dataset.json", json.dumps({"depth_is": "inverse_depth"}))
    (tmp_path / "depth").mkdir()
    np.save(tmp_path / "depth/a.npy", np.array([[40.0, 8.0]]))
    data = open_data(f"folder:{tmp_path}")
    assert data.unit == "1/unit"
    tiny_files.text(tmp_path / "dataset.json", json.dumps({"depth_is": "depth"}))
    assert open_data(f"folder:{tmp_path}").unit == "m"


def test_several_sets_are_one(root: Path) -> None:
    write_bdd(root / "bdd100k", "a", "b")
    write_bdd(root / "more", "c")
    joined = open_all(["bdd100k:train", f"bdd100k:train@{root / 'more'}", "bdd100k:train"])
    assert [joined[index].name[-1] for index in range(len(joined))] == ["a", "b", "c", "a", "b"]
    with pytest.raises(IndexError, match="5 samples, number 5 was asked for"):
        joined[5]


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(CatalogError, match=r"called 'cityscape', expected one of camvid, citysc"):
        open_data("cityscape:train")
    with pytest.raises(
        CatalogError, match="is no part of camvid, expected camvid:train, camvid:va"
    ):
        open_data("camvid")
    with pytest.raises(CatalogError, match="is no part of tum, expected tum"):
        open_data("tum:train")
    with pytest.raises(CatalogError, match="names no place, expected folder:PATH"):
        open_data("folder")


@pytest.mark.usefixtures("root")
def test_a_data_set_that_is_not_there_says_how_to_give_it() -> None:
    with pytest.raises(FileFormatError, match=r"nyuv2 is not there.*or say where: nyuv2:test@FOLD"):
        open_data("nyuv2:test")
    with pytest.raises(
        FileFormatError, match=r"folder:/no/where: /no/where is not there, expected"
    ):
        open_data("folder:/no/where")


@pytest.mark.parametrize("name", CATALOG)
def test_every_kind_of_every_set_can_be_opened_by_its_reader(name: str, tmp_path: Path) -> None:
    # An empty folder: each reader must be built with the right arguments to say what it misses.
    for kind in CATALOG[name].kinds or ("",):
        with pytest.raises(FileFormatError, match=r": "):
            CATALOG[name].open(kind, tmp_path)


def test_class_lists_are_named_where_there_are_labels() -> None:
    assert CATALOG["ade20k"].class_names == ADE20K.class_names
    assert {name for name, entry in CATALOG.items() if entry.class_names} == {
        "camvid",
        "cityscapes",
        "bdd100k",
        "ade20k",
    }


def test_every_set_is_documented() -> None:
    text = DOCUMENTATION.read_text()
    for name, entry in CATALOG.items():
        for kind in entry.kinds:
            assert f"`{name}:{kind}`" in text, (name, kind)
        assert f"`{name}" in text


def test_depth_is_scored_up_to_where_it_was_measured() -> None:
    far = {name: entry.far_m for name, entry in CATALOG.items()}
    assert (far["nyuv2"], far["kitti_depth"], far["diode"]) == (10.0, 80.0, 300.0)
    assert np.isfinite(list(far.values())).all()
