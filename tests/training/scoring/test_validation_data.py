"""A run is scored on what it was not trained on."""

from pathlib import Path

from training.recipe import DataConfig
from training.scoring.validation_data import held_out, held_out_of


def test_the_part_beside_train_is_held_out(tmp_path: Path) -> None:
    assert held_out("ade20k:training") == "ade20k:validation"
    assert held_out("kitti_depth:train") == "kitti_depth:val"
    assert held_out("kitti2012") is None
    assert held_out("nobody:train") is None
    (tmp_path / "val" / "images").mkdir(parents=True)
    assert held_out(f"folder:{tmp_path / 'train'}") == f"folder:{tmp_path / 'val'}"
    assert held_out(f"folder:{tmp_path / 'val'}") is None
    assert held_out(f"folder:{tmp_path}") is None


def test_what_is_not_trained_on_and_what_is_scored_anyhow_is_left_out() -> None:
    recipe = {
        "data": {
            "labelled": ["camvid:train", "cityscapes:train", "cityscapes:train"],
            "depth": ["nyuv2:train"],
            "depth_images_per_step": 0,
            "pairs": ["hd1k"],
        }
    }
    assert held_out_of(recipe) == (("cityscapes:train", "cityscapes:val"), ("hd1k", None))
    assert held_out_of({}) == ()


def test_the_names_are_those_of_the_recipe() -> None:
    named = DataConfig.__dataclass_fields__
    for name in ("labelled", "depth", "pairs"):
        assert name in named
    for name in ("images_per_step", "depth_images_per_step", "real_pairs_per_step"):
        assert name in named
