"""FlyingChairs, FlyingThings3D, HD1K, Middlebury: pairs as the archives have them."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError, write_flo, write_pfm
from training.data.readers.flying_chairs import FlyingChairs
from training.data.readers.flying_things import FlyingThings3D
from training.data.readers.hd1k import Hd1k
from training.data.readers.middlebury import Middlebury
from training.data.sample import Sample

SIZE = (4, 6)
FLOW = tiny_files.constant_flow(SIZE, 1.5, -2.0)


def assert_moves(sample: Sample, first: int, second: int) -> None:
    assert sample.next_image is not None
    assert sample.flow is not None
    assert sample.image[0, 0, 0] == first
    assert sample.next_image[0, 0, 0] == second
    assert sample.flow[2, 3].tolist() == [1.5, -2.0]


def write_chairs(folder: Path) -> None:
    for number in (1, 2, 3):
        for part, value in (("img1", 10 * number), ("img2", 10 * number + 1)):
            tiny_files.image(folder / f"data/{number:05d}_{part}.ppm", SIZE, value)
        write_flo(folder / f"data/{number:05d}_flow.flo", FLOW)
    tiny_files.text(folder / "FlyingChairs_train_val.txt", "1\n2\n1\n")


def test_flying_chairs_are_split_by_line(tmp_path: Path) -> None:
    write_chairs(tmp_path)
    assert FlyingChairs(split="train", folder=tmp_path).names == ("00001", "00003")
    (only,) = (FlyingChairs(split="val", folder=tmp_path)[0],)
    assert only.name == "flying_chairs/00002"
    assert_moves(only, 20, 21)


def test_flying_chairs_that_are_wrong_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"train_val\.txt: No such.*expected one line per"):
        FlyingChairs(split="train", folder=tmp_path)
    write_chairs(tmp_path)
    data = FlyingChairs(split="train", folder=tmp_path)
    write_flo(tmp_path / "data/00001_flow.flo", FLOW[:3])
    with pytest.raises(FileFormatError, match=r"00001_flow\.flo: 3x6 \(HxW\), expected .* 4x6"):
        data[0]
    tiny_files.image(tmp_path / "data/00003_img2.ppm", (4, 5))
    with pytest.raises(FileFormatError, match=r"00003_img2\.ppm: 4x5 \(HxW\), expected .* 4x6"):
        data[1]
    (tmp_path / "data/00003_img2.ppm").unlink()
    with pytest.raises(FileFormatError, match=r"00003_img2\.ppm: No such file.*expected an image"):
        data[1]
    tiny_files.text(tmp_path / "FlyingChairs_train_val.txt", "1\n7\n")
    with pytest.raises(FileFormatError, match=r"2 marks \['1', '7'\], expected 1 \(train\) or"):
        FlyingChairs(split="train", folder=tmp_path)


def write_things(folder: Path) -> None:
    three = np.concatenate([FLOW, np.zeros((*SIZE, 1), np.float32)], axis=-1)
    for number in (6, 7):
        place = folder / "frames_cleanpass/TRAIN/A/0000/left"
        tiny_files.image(place / f"{number:04d}.png", SIZE, number)
        for direction, kind in (("into_future", "IntoFuture"), ("into_past", "IntoPast")):
            flows = folder / "optical_flow/TRAIN/A/0000" / direction / "left"
            flows.mkdir(parents=True, exist_ok=True)
            write_pfm(flows / f"OpticalFlow{kind}_{number:04d}_L.pfm", three)


def test_flying_things_go_forward_and_back(tmp_path: Path) -> None:
    write_things(tmp_path)
    future = FlyingThings3D(rendering="cleanpass", folder=tmp_path)
    past = FlyingThings3D(rendering="cleanpass", direction="into_past", folder=tmp_path)
    assert future.names == ("A/0000/0006",)  # the last frame leads to none
    assert past.names == ("A/0000/0007",)
    assert_moves(future[0], 6, 7)
    assert_moves(past[0], 7, 6)


def test_flying_things_that_are_wrong_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected FlyingThings3D's optical_flow and frames"):
        FlyingThings3D(rendering="finalpass", folder=tmp_path)
    write_things(tmp_path)
    data = FlyingThings3D(rendering="cleanpass", folder=tmp_path)
    path = tmp_path / "optical_flow/TRAIN/A/0000/into_future/left/OpticalFlowIntoFuture_0006_L.pfm"
    write_pfm(path, FLOW[..., 0])
    with pytest.raises(FileFormatError, match=r"0006_L\.pfm: one channel, expected three"):
        data[0]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(FileFormatError, match=r"0006_L\.pfm: .*the file was cut short"):
        data[0]


def write_hd1k(folder: Path) -> None:
    flow = FLOW.copy()
    flow[0, 0] = np.nan
    for frame in (9, 10):
        tiny_files.image(folder / f"hd1k_input/image_2/000003_{frame:04d}.png", SIZE, frame)
        tiny_files.kitti_flow(folder / f"hd1k_flow_gt/flow_occ/000003_{frame:04d}.png", flow)
    tiny_files.image(folder / "hd1k_input/image_2/000004_0011.png", SIZE)  # another sequence


def test_hd1k_leads_to_the_next_frame_of_its_sequence(tmp_path: Path) -> None:
    write_hd1k(tmp_path)
    data = Hd1k(folder=tmp_path)
    assert data.names == ("000003_0009",)
    sample = data[0]
    assert_moves(sample, 9, 10)
    assert sample.flow is not None
    assert np.isnan(sample.flow[0, 0]).all()


def test_hd1k_that_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected HD1K's hd1k_flow_gt and hd1k_input"):
        Hd1k(folder=tmp_path)
    write_hd1k(tmp_path)
    path = tmp_path / "hd1k_flow_gt/flow_occ/000003_0009.png"
    tiny_files.image(path, SIZE)
    with pytest.raises(FileFormatError, match=r"0009\.png: 3 channel\(s\) of uint8, expected"):
        Hd1k(folder=tmp_path)[0]
    tiny_files.kitti_flow(path, FLOW[:, :4])
    with pytest.raises(FileFormatError, match=r"0009\.png: 4x4 \(HxW\), expected .* 4x6"):
        Hd1k(folder=tmp_path)[0]


def test_middlebury_flow_is_unknown_above_a_billion(tmp_path: Path) -> None:
    for number in (10, 11):
        tiny_files.image(tmp_path / f"other-data/Venus/frame{number}.png", SIZE, number)
    flow = FLOW.copy()
    flow[1, 1] = np.nan  # written as 1666666752
    path = tmp_path / "other-gt-flow/Venus/flow10.flo"
    path.parent.mkdir(parents=True)
    write_flo(path, flow)
    assert np.frombuffer(path.read_bytes(), "<f4", offset=12).max() > 1e9
    sample = Middlebury(folder=tmp_path)[0]
    assert_moves(sample, 10, 11)
    assert sample.flow is not None
    assert np.isnan(sample.flow[..., 0]).sum() == 1
    tiny_files.image(tmp_path / "other-data/Venus/frame11.png", (4, 7))
    with pytest.raises(FileFormatError, match=r"frame11\.png: 4x7 \(HxW\), expected .* 4x6"):
        Middlebury(folder=tmp_path)[0]
    with pytest.raises(FileFormatError, match="expected Middlebury's other-gt-flow and other-data"):
        Middlebury(folder=tmp_path / "other-data")
