from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.spring import Spring, SpringSample

SIZE = (2, 3)
FINE = (4, 6)


def write_scene(folder: Path, *, maps: bool = True, disparity: bool = True) -> None:
    scene = folder / "train/0001"
    for number in (1, 2):
        tiny_files.image(scene / f"frame_left/frame_left_{number:04d}.png", SIZE, number)
    flow = tiny_files.constant_flow(FINE, 5.0, 1.0)
    flow[0, 0] = (7, 1)  # one of the first pixel's four
    flow[0, 2] = np.nan
    tiny_files.hdf5(scene / "flow_FW_left/flow_FW_left_0001.flo5", flow=flow)
    tiny_files.hdf5(scene / "flow_BW_left/flow_BW_left_0002.flo5", flow=-flow)
    if disparity:
        tiny_files.hdf5(
            scene / "disp1_left/disp1_left_0001.dsp5", disparity=np.full(FINE, 6.5, np.float32)
        )
        tiny_files.text(scene / "cam_data/intrinsics.txt", "1000 1000 960 540\n2000 2000 960 540\n")
    if maps:
        place = scene / "maps"
        # Out of the frame is red, hidden is green; blue says nothing.
        unmatched = np.zeros((*SIZE, 3), dtype=np.uint8)
        unmatched[0, 0, 0], unmatched[0, 1, 1], unmatched[1, 1, 2] = 255, 255, 255
        name = "matchmap_flow_FW_left"
        (place / name).mkdir(parents=True)
        Image.fromarray(unmatched).save(place / name / f"{name}_0001.png")
        detail = [[0, 0, 255], [0, 0, 0]]
        tiny_files.indices(place / "detailmap_flow_FW_left/detailmap_flow_FW_left_0001.png", detail)
        fine = np.zeros(FINE, dtype=np.uint8)
        fine[0, 0] = fine[0, 1] = 255  # half of the first pixel
        fine[3, 5] = 255  # a quarter of the last one
        tiny_files.indices(place / "rigidmap_FW_left/rigidmap_FW_left_0001.png", fine)
        tiny_files.indices(place / "skymap_left/skymap_left_0001.png", fine)


def test_truth_is_every_second_value_of_the_fine_one(tmp_path: Path) -> None:
    write_scene(tmp_path)
    sample = Spring(folder=tmp_path)[0]
    assert type(sample).__name__ == "Sample"
    assert sample.name == "spring/left/FW/0001/0001"
    assert sample.next_image is not None
    assert sample.flow is not None
    assert sample.inverse_depth is not None
    assert sample.occluded is not None
    assert sample.next_image[0, 0, 0] == 2
    assert sample.flow.shape == (*SIZE, 2)
    assert sample.flow[0, 0].tolist() == [7, 1]
    assert np.isnan(sample.flow[0, 1]).all()
    assert sample.inverse_depth[0, 0] == pytest.approx(6.5 / (1000 * 0.065))
    assert sample.occluded.tolist() == [[True, True, False], [False, False, False]]


def test_the_benchmark_sees_all_four_values_and_the_maps(tmp_path: Path) -> None:
    write_scene(tmp_path)
    sample = Spring(folder=tmp_path).for_benchmark()[0]
    assert isinstance(sample, SpringSample)
    assert sample.fine_flow.shape == (*FINE, 2)
    assert sample.detailed is not None
    assert sample.moving is not None
    assert sample.sky is not None
    assert sample.detailed.tolist() == [[False, False, True], [False, False, False]]
    assert sample.moving.tolist() == [[True, False, False], [False, False, False]]


def test_downloads_that_were_left_out_are_no_error(tmp_path: Path) -> None:
    write_scene(tmp_path, maps=False, disparity=False)
    sample = Spring(folder=tmp_path)[0]
    assert sample.inverse_depth is None
    assert sample.occluded is None
    back = Spring(folder=tmp_path, direction="BW")[0]
    assert back.next_image is not None
    assert back.flow is not None
    assert (back.image[0, 0, 0], back.next_image[0, 0, 0]) == (2, 1)
    assert back.flow[1, 1].tolist() == [-5, -1]


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected Spring's train archives of flow_FW_left"):
        Spring(folder=tmp_path)
    write_scene(tmp_path)
    data = Spring(folder=tmp_path)
    scene = tmp_path / "train/0001"
    path = scene / "flow_FW_left/flow_FW_left_0001.flo5"
    tiny_files.hdf5(path, flow=tiny_files.constant_flow(SIZE, 0, 0))
    with pytest.raises(FileFormatError, match=r"0001\.flo5: 2x3 \(HxW\), expected 4x6, twice"):
        data[0]
    tiny_files.hdf5(path, disparity=np.zeros(FINE))
    with pytest.raises(FileFormatError, match=r'0001\.flo5: .*data set "flow" of Spring'):
        data[0]
    tiny_files.hdf5(path, flow=tiny_files.constant_flow(FINE, 0, 0))
    tiny_files.text(scene / "cam_data/intrinsics.txt", "\n")
    with pytest.raises(
        FileFormatError, match=r"intrinsics\.txt: .*for frame 1, expected a line fx"
    ):
        data[0]
    tiny_files.text(scene / "cam_data/intrinsics.txt", "1000 1000 960 540")
    tiny_files.indices(
        scene / "maps/matchmap_flow_FW_left/matchmap_flow_FW_left_0001.png", np.zeros((3, 3))
    )
    with pytest.raises(FileFormatError, match=r"matchmap\S+: 3x3 \(HxW\), expected 4x6, twice"):
        data[0]
    (scene / "frame_left/frame_left_0002.png").unlink()
    with pytest.raises(FileFormatError, match=r"frame_left_0002\.png: No such file"):
        data[0]
