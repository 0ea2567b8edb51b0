"""ADE20K, Cityscapes, BDD100K: folders and values as the archives have them."""

from pathlib import Path

import pytest

from models.image.label_sets import ADE20K, CITYSCAPES
from models.task import IGNORE_INDEX
from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.ade20k import Ade20k
from training.data.readers.bdd100k import Bdd100k
from training.data.readers.cityscapes import EVALUATED_IDS, Cityscapes
from training.data.sample import Sample

CITY = "gtFine/train/aachen/aachen_000000_000019_gtFine_"
FRAME = "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"


def labels_of(sample: Sample) -> list[list[int]]:
    assert sample.labels is not None
    return [[int(value) for value in row] for row in sample.labels]


def test_ade20k_counts_classes_from_one_and_ignores_zero(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / "images/validation/ADE_val_00000001.jpg", (1, 3))
    tiny_files.indices(tmp_path / "annotations/validation/ADE_val_00000001.png", [[0, 1, 150]])
    data = Ade20k(split="validation", folder=tmp_path)
    assert len(data) == 1
    assert data[0].name == "ade20k/validation/ADE_val_00000001"
    assert labels_of(data[0]) == [[IGNORE_INDEX, 0, 149]]
    assert ADE20K.class_names[0] == "wall"
    assert ADE20K.class_names[149] == "flag"


def test_cityscapes_ids_become_train_ids(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / FRAME, (1, 5))
    tiny_files.indices(tmp_path / f"{CITY}labelIds.png", [[7, 33, 0, 29, 11]])
    data = Cityscapes(split="train", folder=tmp_path)
    assert labels_of(data[0]) == [[0, 18, IGNORE_INDEX, IGNORE_INDEX, 2]]  # caravans do not count
    assert data[0].name == "cityscapes/train/aachen/aachen_000000_000019"
    assert len(EVALUATED_IDS) == len(CITYSCAPES.class_names) == 19


def test_cityscapes_train_ids_are_read_where_only_they_are_there(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / FRAME, (1, 3))
    tiny_files.indices(tmp_path / f"{CITY}labelTrainIds.png", [[18, 255, 7]])
    data = Cityscapes(split="train", folder=tmp_path)
    assert labels_of(data[0]) == [[18, IGNORE_INDEX, 7]]
    # The full ids win: 7 is a road among them, and a traffic sign among the train ids.
    tiny_files.indices(tmp_path / f"{CITY}labelIds.png", [[7, 7, 7]])
    assert labels_of(Cityscapes(split="train", folder=tmp_path)[0]) == [[0, 0, 0]]


def test_bdd100k_has_train_ids_and_images_without_labels(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tiny_files.image(tmp_path / f"images/10k/val/{name}.jpg", (1, 2))
    tiny_files.indices(tmp_path / "labels/sem_seg/masks/val/b.png", [[18, 255]])
    data = Bdd100k(split="val", folder=tmp_path)
    assert [sample.name for sample in (data[0],)] == ["bdd100k/val/b"]
    assert len(data) == 1
    assert labels_of(data[0]) == [[18, IGNORE_INDEX]]


def test_a_value_that_stands_for_nothing_is_named(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / "images/10k/val/b.jpg", (1, 2))
    tiny_files.indices(tmp_path / "labels/sem_seg/masks/val/b.png", [[18, 19]])
    with pytest.raises(FileFormatError, match=r"b\.png: holds the value 19, expected 0-18, 255 al"):
        Bdd100k(split="val", folder=tmp_path)[0]


def test_a_label_file_of_another_size_is_named(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / FRAME, (2, 3))
    tiny_files.indices(tmp_path / f"{CITY}labelIds.png", [[7, 7]])
    with pytest.raises(FileFormatError, match=r"labelIds\.png: 1x2 \(HxW\), expected .* 2x3"):
        Cityscapes(split="train", folder=tmp_path)[0]


def test_a_missing_image_and_a_cut_label_file_are_named(tmp_path: Path) -> None:
    annotation = tmp_path / "annotations/training/a.png"
    tiny_files.indices(annotation, [[1, 2]])
    data = Ade20k(split="training", folder=tmp_path)
    with pytest.raises(FileFormatError, match=r"images/training/a\.jpg: No such.*expected an imag"):
        data[0]
    tiny_files.image(tmp_path / "images/training/a.jpg", (1, 2))
    annotation.write_bytes(annotation.read_bytes()[:40])
    with pytest.raises(FileFormatError, match=r"annotations/training/a\.png: .*cut short"):
        data[0]


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected ADE_\\*.png of ADEChallengeData2016 there"):
        Ade20k(split="training", folder=tmp_path)
    with pytest.raises(FileFormatError, match="expected Cityscapes' gtFine there"):
        Cityscapes(split="val", folder=tmp_path)
    with pytest.raises(FileFormatError, match="expected BDD100K's semantic segmentation there"):
        Bdd100k(split="val", folder=tmp_path)
