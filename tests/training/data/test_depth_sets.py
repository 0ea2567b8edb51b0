"""KITTI depth and DIODE: folders and units as the archives have them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.diode import Diode
from training.data.readers.kitti_depth import KittiDepth
from training.data.sample import Sample

DRIVE = "2011_09_26_drive_0001_sync"
ANNOTATED = f"train/{DRIVE}/proj_depth/groundtruth/image_02/0000000005.png"


def depth_of(sample: Sample) -> list[float]:
    assert sample.inverse_depth is not None
    return [float(value) for value in 1 / sample.inverse_depth.ravel()]


@pytest.mark.parametrize(
    "frame", [f"2011_09_26/{DRIVE}/image_02/data", f"train/{DRIVE}/image_02/data"]
)
def test_kitti_drives_find_their_frames_in_either_place(tmp_path: Path, frame: str) -> None:
    tiny_files.png16(tmp_path / ANNOTATED, [[0, 256, 5120]])
    tiny_files.image(tmp_path / frame / "0000000005.png", (1, 3), value=7)
    sample = KittiDepth(split="train", folder=tmp_path)[0]
    assert sample.image[0, 0, 0] == 7
    assert depth_of(sample)[1:] == [1.0, 20.0]
    assert np.isnan(depth_of(sample)[0])


def test_kitti_frames_that_were_not_downloaded_are_named(tmp_path: Path) -> None:
    tiny_files.png16(tmp_path / ANNOTATED, [[256]])
    data = KittiDepth(split="train", folder=tmp_path)
    with pytest.raises(FileFormatError, match=rf"2011_09_26/{DRIVE}/image_02/data/0+5\.png: No su"):
        data[0]
    tiny_files.image(tmp_path / f"2011_09_26/{DRIVE}/image_02/data/0000000005.png", (2, 2))
    with pytest.raises(FileFormatError, match=r"groundtruth/\S+: 1x1 \(HxW\), expected .* 2x2"):
        data[0]


@pytest.mark.parametrize("top", ["depth_selection/val_selection_cropped", "val_selection_cropped"])
def test_kitti_selection_pairs_frames_and_depth_by_name(tmp_path: Path, top: str) -> None:
    name = "2011_09_26_drive_0002_sync_{}_0000000005_image_02.png"
    tiny_files.png16(
        tmp_path / top / "groundtruth_depth" / name.format("groundtruth_depth"), [[512]]
    )
    tiny_files.image(tmp_path / top / "image" / name.format("image"), (1, 1))
    data = KittiDepth(split="selection", folder=tmp_path)
    assert len(data) == 1
    assert depth_of(data[0]) == [2.0]


def test_an_8_bit_depth_file_is_named(tmp_path: Path) -> None:
    tiny_files.indices(tmp_path / ANNOTATED, [[1, 2]])
    tiny_files.image(tmp_path / f"train/{DRIVE}/image_02/data/0000000005.png", (1, 2))
    with pytest.raises(FileFormatError, match=r"5\.png: .*expected a PNG of 1 channel\(s\) of 16"):
        KittiDepth(split="train", folder=tmp_path)[0]


def write_scan(folder: Path, depth: NDArray[np.float32], mask: NDArray[np.float64] | None) -> None:
    place = folder / "val/indoors/scene_00019/scan_00183"
    tiny_files.image(place / "a_indoors_1.png", (1, 3))
    np.save(place / "a_indoors_1_depth.npy", depth)
    if mask is not None:
        np.save(place / "a_indoors_1_depth_mask.npy", mask)


def test_diode_counts_what_the_mask_says(tmp_path: Path) -> None:
    depth = np.array([[[2.0], [4.0], [0.0]]], dtype=np.float32)
    write_scan(tmp_path, depth, np.array([[1.0, 0.0, 1.0]]))
    data = Diode(part="val/indoors", folder=tmp_path)
    assert data.names == ("val/indoors/scene_00019/scan_00183/a_indoors_1",)
    found = depth_of(data[0])
    assert found[0] == 2.0
    assert np.isnan(found[1:]).all()  # the scanner saw nothing, and a depth of zero is none
    with pytest.raises(FileFormatError, match="val/outdoor: no NAME_depth.npy in it or below"):
        Diode(part="val/outdoor", folder=tmp_path)


def test_folders_like_diode_may_do_without_masks_but_not_with_some(tmp_path: Path) -> None:
    write_scan(tmp_path, np.array([[2, np.inf, -1]], dtype=np.float32), None)
    found = depth_of(Diode(folder=tmp_path)[0])
    assert found[0] == 2.0
    assert np.isnan(found[1:]).all()
    np.save(tmp_path / "other_depth_mask.npy", np.ones((1, 3)))
    with pytest.raises(FileFormatError, match=r"a_indoors_1_depth_mask\.npy: No such file.*expec"):
        Diode(folder=tmp_path)[0]


def test_diode_files_that_are_no_depth_are_named(tmp_path: Path) -> None:
    write_scan(tmp_path, np.zeros((2, 3), dtype=np.float32), None)
    with pytest.raises(FileFormatError, match=r"_depth\.npy: 2x3 \(HxW\), expected .* 1x3"):
        Diode(folder=tmp_path)[0]
    write_scan(tmp_path, np.zeros((1, 3, 2), dtype=np.float32), None)
    with pytest.raises(FileFormatError, match=r"_depth\.npy: float32 of shape \(1, 3, 2\), exp"):
        Diode(folder=tmp_path)[0]
    (tmp_path / "val/indoors/scene_00019/scan_00183/a_indoors_1_depth.npy").write_bytes(b"\x93NU")
    with pytest.raises(FileFormatError, match=r"_depth\.npy: .*expected a NumPy file"):
        Diode(folder=tmp_path)[0]
