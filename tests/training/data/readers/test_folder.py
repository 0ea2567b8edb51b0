"""A user's own folder: what is matched, and what is said when something is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.task import IGNORE_INDEX
from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError, write_flo, write_pfm
from training.data.readers.folder import Folder, read_notes

SIZE = (2, 3)
FLOW = tiny_files.constant_flow(SIZE, 2.0, -1.0)


def write_images(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        tiny_files.image(folder / f"images/{name}.png", SIZE, number)


def write_notes(folder: Path, **notes: object) -> None:
    tiny_files.text(folder / "dataset.json", json.dumps(notes))


def test_labels_are_matched_by_name_in_sub_folders_too(tmp_path: Path) -> None:
    write_images(tmp_path, "a", "north/b")
    tiny_files.indices(tmp_path / "labels/a.png", [[0, 1, 1], [255, 0, 0]])
    palette = Image.fromarray(np.ones(SIZE, dtype=np.uint8))
    palette.putpalette([9, 9, 9, 200, 0, 0])
    (tmp_path / "labels/north").mkdir()
    palette.save(tmp_path / "labels/north/b.png")
    write_notes(tmp_path, class_names=["wall", "crack"])
    data = Folder(folder=tmp_path)
    assert data.names == ("a", "north/b")
    assert data.notes.class_names == ("wall", "crack")
    first, second = data[0], data[1]
    assert first.labels is not None
    assert second.labels is not None
    assert first.labels.tolist() == [[0, 1, 1], [IGNORE_INDEX, 0, 0]]
    assert (second.labels == 1).all()
    assert first.next_image is None


def test_notes_may_lie_above_the_splits(tmp_path: Path) -> None:
    write_images(tmp_path / "train", "a")
    tiny_files.indices(tmp_path / "train/labels/a.png", np.zeros(SIZE))
    write_notes(tmp_path, class_names=["wall"])
    assert Folder(folder=tmp_path / "train").notes.class_names == ("wall",)


def test_depth_comes_in_three_formats(tmp_path: Path) -> None:
    write_images(tmp_path, "a", "b", "c")
    tiny_files.png16(tmp_path / "depth/a.png", np.full(SIZE, 500))
    np.save(tmp_path / "depth/b.npy", np.full(SIZE, 4.0))
    write_pfm(tmp_path / "depth/c.pfm", np.full(SIZE, 8.0, np.float32))
    write_notes(tmp_path, depth_steps_per_m=250)
    data = Folder(folder=tmp_path)
    found = [data[index].inverse_depth for index in range(3)]
    assert [float(depth[0, 0]) for depth in found if depth is not None] == [0.5, 0.25, 0.125]


def test_inverse_depth_is_taken_as_it_is_and_zero_is_far(tmp_path: Path) -> None:
    write_images(tmp_path, "a")
    tiny_files.text(tmp_path / "depth/.keep", "")
    np.save(tmp_path / "depth/a.npy", np.array([[0.0, 3.0, -1.0], [np.inf, np.nan, 1.0]]))
    write_notes(tmp_path, depth_is="inverse_depth")
    depth = Folder(folder=tmp_path)[0].inverse_depth
    assert depth is not None
    assert depth[0, :2].tolist() == [0, 3]
    assert np.isnan(depth).tolist() == [[False, False, True], [True, True, False]]


@pytest.mark.parametrize("ending", ["flo", "png", "pfm", "flo5", "fine"])
def test_flow_leads_to_the_following_image_in_any_format(tmp_path: Path, ending: str) -> None:
    write_images(tmp_path, "frame_2", "frame_10")  # numbers count as numbers
    path = tmp_path / f"flow/frame_2.{'flo5' if ending == 'fine' else ending}"
    path.parent.mkdir()
    if ending == "flo":
        write_flo(path, FLOW)
    elif ending == "png":
        tiny_files.kitti_flow(path, FLOW)
    elif ending == "pfm":
        write_pfm(path, np.concatenate([FLOW, np.zeros((*SIZE, 1), np.float32)], axis=-1))
    else:
        tiny_files.hdf5(path, flow=FLOW if ending == "flo5" else FLOW.repeat(2, 0).repeat(2, 1))
    data = Folder(folder=tmp_path)
    assert data.names == ("frame_2",)
    sample = data[0]
    assert sample.next_image is not None
    assert sample.flow is not None
    assert sample.next_image[0, 0, 0] == 1
    np.testing.assert_array_equal(sample.flow, FLOW)


def test_the_following_image_is_one_of_the_same_folder(tmp_path: Path) -> None:
    # Sorted by whole paths, b/1 would come between a.png and c.png of images/ itself.
    write_images(tmp_path, "a", "b/1", "b/2", "c")
    for name in ("a", "b/1"):
        (tmp_path / "flow" / name).parent.mkdir(parents=True, exist_ok=True)
        write_flo(tmp_path / "flow" / f"{name}.flo", tiny_files.constant_flow((2, 3), 1.0, 0.0))
    data = Folder(folder=tmp_path)
    assert data.names == ("a", "b/1")
    assert data[0].next_image is not None


def test_numbers_in_other_scripts_are_names(tmp_path: Path) -> None:
    write_images(tmp_path, "a1²", "a1")
    assert set(Folder(folder=tmp_path).names) == {"a1", "a1²"}


def test_second_frames_may_have_a_folder_of_their_own(tmp_path: Path) -> None:
    write_images(tmp_path, "a", "b")
    tiny_files.image(tmp_path / "next_images/a.jpg", SIZE, 77)
    sample = Folder(folder=tmp_path)[0]
    assert sample.next_image is not None
    assert sample.next_image[0, 0, 0] == 77
    assert sample.flow is None
    (tmp_path / "flow").mkdir()
    write_flo(tmp_path / "flow/b.flo", FLOW)
    with pytest.raises(FileFormatError, match=r"next_images/b\.\*: no such file, expected one for"):
        Folder(folder=tmp_path)


def test_what_is_missing_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"images: no image, expected images/NAME\.jpg"):
        Folder(folder=tmp_path)
    write_images(tmp_path, "a", "b", "c")
    tiny_files.indices(tmp_path / "labels/a.png", np.zeros(SIZE))
    with pytest.raises(
        FileFormatError, match=r"labels/b\.\*: no such file \(and 1 more\), expecte"
    ):
        Folder(folder=tmp_path)
    for name in "bc":
        tiny_files.indices(tmp_path / f"labels/{name}.png", np.zeros(SIZE))
    with pytest.raises(FileFormatError, match=r'dataset\.json with \{"class_names": \["name of'):
        Folder(folder=tmp_path)
    write_notes(tmp_path, class_names=["wall"])
    for name in "abc":
        tiny_files.png16(tmp_path / f"depth/{name}.png", np.ones(SIZE))
    with pytest.raises(
        FileFormatError, match=r"depth/a\.png: the scale .* \{\"depth_steps_per_m\""
    ):
        Folder(folder=tmp_path)
    write_notes(tmp_path, class_names=["wall"], depth_steps_per_m=1000)
    assert len(Folder(folder=tmp_path)) == 3
    (tmp_path / "flow").mkdir()
    with pytest.raises(FileFormatError, match=r"flow: no file in it, expected .*\.flo \.png"):
        Folder(folder=tmp_path)
    write_flo(tmp_path / "flow/c.flo", FLOW)
    with pytest.raises(FileFormatError, match=r"flow/c\.flo: images/ has no image after c, expect"):
        Folder(folder=tmp_path)
    write_flo(tmp_path / "flow/x.flo", FLOW)
    with pytest.raises(
        FileFormatError, match=r"images/x\.\*: no such file, expected one for every"
    ):
        Folder(folder=tmp_path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path, "a")
    tiny_files.image(tmp_path / "images/a.jpg", SIZE)
    with pytest.raises(FileFormatError, match=r"a\.png: a\.jpg is there too, expected one file"):
        Folder(folder=tmp_path)


def test_files_that_do_not_fit_their_image_are_named(tmp_path: Path) -> None:
    write_images(tmp_path, "a", "b")
    tiny_files.indices(tmp_path / "labels/a.png", [[2, 0, 0], [0, 0, 0]])
    tiny_files.indices(tmp_path / "labels/b.png", [[0]])
    write_notes(tmp_path, class_names=["wall", "crack"])
    data = Folder(folder=tmp_path)
    with pytest.raises(
        FileFormatError, match=r"labels/a\.png: holds the value 2, expected 0-1, 255"
    ):
        data[0]
    with pytest.raises(FileFormatError, match=r"labels/b\.png: 1x1 \(HxW\), expected .* 2x3"):
        data[1]


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({"classes": ["a"]}, r"holds \['classes'\], expected a JSON object with some of class_na"),
        ({"class_names": ["a", "a"]}, "expected up to 255, once"),
        ({"class_names": "road"}, "class_names is 'road', not a list of names in label order"),
        ({"class_names": {"road": 1, "car": 0}}, "not a list of names in label order"),
        ({"class_names": ["road", None]}, "not a list of names in label order"),
        ({"depth_steps_per_m": 0}, "depth_steps_per_m is 0, expected a JSON object"),
        ({"depth_is": "disparity"}, "not depth or inverse_depth, expected a JSON"),
        ([1], "expected a JSON object"),
    ],
)
def test_notes_that_make_no_sense_are_refused(tmp_path: Path, notes: object, message: str) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(notes))
    with pytest.raises(FileFormatError, match=rf"dataset\.json: .*{message}"):
        read_notes(path)
