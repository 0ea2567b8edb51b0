from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.task import IGNORE_INDEX
from training.data.file_formats import FileFormatError
from training.data.readers.camvid import CamVid
from training.data.root import data_root

needs_data = pytest.mark.skipif(
    not (data_root() / "camvid").is_dir(), reason=f"CamVid is not at {data_root() / 'camvid'}"
)


def write_split(folder: Path, labels: list[list[int]]) -> None:
    for name in ("train", "trainannot"):
        (folder / name).mkdir()
    (folder / "train.txt").write_text("a\n")
    image = np.zeros((len(labels), len(labels[0]), 3), dtype=np.uint8)
    Image.fromarray(image).save(folder / "train" / "a.jpg")
    Image.fromarray(np.array(labels, dtype=np.uint8)).save(folder / "trainannot" / "a.png")


def test_void_becomes_the_ignored_label(tmp_path: Path) -> None:
    write_split(tmp_path, [[0, 10, 11]])
    sample = CamVid(split="train", folder=tmp_path)[0]
    assert sample.labels is not None
    assert sample.labels.tolist() == [[0, 10, IGNORE_INDEX]]
    assert sample.name == "camvid/train/a"
    assert sample.size == (1, 3)


def test_segnets_own_archive_is_read_as_it_is(tmp_path: Path) -> None:
    for place in ("train", "trainannot"):
        (tmp_path / place).mkdir()
    (tmp_path / "train.txt").write_text(
        "/SegNet/CamVid/train/0001TP_006690.png /SegNet/CamVid/trainannot/0001TP_006690.png\n"
        "/SegNet/CamVid/train/0001TP_006720.png /SegNet/CamVid/trainannot/0001TP_006720.png\n"
    )
    for name, value in (("0001TP_006690", 3), ("0001TP_006720", 8)):
        image = np.full((1, 2, 3), 10 * value, dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "train" / f"{name}.png")
        labels = np.full((1, 2), value, dtype=np.uint8)
        Image.fromarray(labels).save(tmp_path / "trainannot" / f"{name}.png")
    data = CamVid(split="train", folder=tmp_path)
    assert data.names == ("0001TP_006690", "0001TP_006720")
    assert data[1].labels is not None
    assert data[1].labels.tolist() == [[8, 8]]
    assert data[1].image[0, 0].tolist() == [80, 80, 80]


def test_labels_of_another_convention_are_refused(tmp_path: Path) -> None:
    write_split(tmp_path, [[0, 31, 2]])
    with pytest.raises(FileFormatError, match=r"a\.png: 1x3 \(HxW\) with values up to 31, expect"):
        CamVid(split="train", folder=tmp_path)[0]


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"val\.txt: .*expected the list of names"):
        CamVid(split="val", folder=tmp_path)
    (tmp_path / "val.txt").write_text("\n")
    with pytest.raises(FileFormatError, match="no name in it"):
        CamVid(split="val", folder=tmp_path)


@needs_data
def test_the_real_splits_are_whole() -> None:
    train, val = CamVid(split="train"), CamVid(split="val")
    assert (len(train), len(val)) == (367, 101)
    assert not set(train.names) & set(val.names)
    sample = val[100]
    assert sample.size == (360, 480)
    assert sample.labels is not None
    assert set(np.unique(sample.labels)) <= {*range(11), IGNORE_INDEX}
    assert np.bincount(sample.labels[300:].ravel()).argmax() == 3  # below is the road
    with pytest.raises(IndexError):
        val[101]
