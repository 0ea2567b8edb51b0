"""Data that a run will need are looked for before its first step."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.data import tiny_files
from training.data import rendered
from training.data.catalog import CatalogError
from training.data.draws import Draws
from training.data.file_formats import FileFormatError
from training.data.real import RealDataError
from training.data.rendered import PhotographError
from training.data.root import VARIABLE
from training.recipe import DataConfig

CLASSES = ("wall", "crack")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    """Of someone without any public data set: labelled images alone, textures of them too."""
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    monkeypatch.setattr(rendered, "POOLS", tmp_path / "pools")
    tiny_files.image(tmp_path / "mine/images/a.png", (4, 6))
    tiny_files.indices(tmp_path / "mine/labels/a.png", [[0, 1, 1, 0, 0, 255]] * 4)
    tiny_files.text(tmp_path / "mine/dataset.json", json.dumps({"class_names": CLASSES}))
    spec = f"folder:{tmp_path / 'mine'}"
    return DataConfig(labelled=(spec,), photographs=(spec,), num_scenes=2, num_layered=1)


def check(config: DataConfig, **change: Any) -> None:
    Draws(replace(config, **change), CLASSES).check()


def test_data_that_are_there_pass_and_so_do_those_that_no_step_sees(config: DataConfig) -> None:
    check(config)
    check(config, photographs=())
    check(config, photographs=("camvid:train",), scenes_per_step=0, pairs_per_step=0)
    check(config, labelled=("camvid:train",), images_per_step=0)
    check(config, depth=("tum",), depth_images_per_step=0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labelled": ("camvid:train",)}, FileFormatError, "camvid is not there"),
        ({"labelled": ()}, RealDataError, r"data\.labelled names no data set"),
        ({"depth": ("tum",)}, FileFormatError, "tum is not there"),
        ({"pairs": ("sintel:clean",)}, FileFormatError, "sintel is not there"),
        ({"pairs": ("cintel",)}, CatalogError, "no data set is called 'cintel'"),
        (
            {"photographs": ("camvid:train",)},
            PhotographError,
            r"camvid is not there.* name images of your own in data\.photographs, or none",
        ),
        (
            {"photographs": ("camvid:train",), "images_per_step": 0, "scenes_per_step": 0},
            PhotographError,
            "camvid is not there",
        ),
    ],
)
def test_what_a_step_will_miss_is_said_now(
    config: DataConfig, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check(config, **change)


def test_a_first_sample_that_cannot_be_read_is_found_now(
    config: DataConfig, tmp_path: Path
) -> None:
    (tmp_path / "mine/labels/a.png").write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match=r"labels/a\.png"):
        check(config)


def test_full_pools_need_no_photographs(config: DataConfig) -> None:
    bare = replace(config, photographs=("camvid:train",), pairs_per_step=0, two_windows_share=0.0)
    for pool in rendered.RenderedPairs(config=bare).used().values():
        pool.folder.mkdir(parents=True)
        for index in range(len(pool)):
            (pool.folder / f"{index:06d}.npz").touch()
    check(bare)
    with pytest.raises(PhotographError):
        check(bare, num_scenes=4)
