from pathlib import Path

import numpy as np
import pytest

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.kitti2015 import Kitti2015

SIZE = (4, 6)
CALIBRATION = """calib_time: 09-Jan-2012 13:57:47
P_rect_02: 700 0 600 70 0 700 180 0 0 0 1 0
P_rect_03: 700 0 600 -308 0 700 180 0 0 0 1 0
"""


def write_pair(folder: Path) -> None:
    tiny_files.image(folder / "image_2/000000_10.png", SIZE, 10)
    tiny_files.image(folder / "image_2/000000_11.png", SIZE, 11)
    flow = tiny_files.constant_flow(SIZE, 3.0, -1.0)
    flow[0] = np.nan
    tiny_files.kitti_flow(folder / "flow_occ/000000_10.png", flow)
    flow[1] = np.nan
    tiny_files.kitti_flow(folder / "flow_noc/000000_10.png", flow)
    tiny_files.indices(folder / "obj_map/000000_10.png", [[0] * 6] * 3 + [[0, 0, 1, 2, 0, 0]])
    tiny_files.png16(folder / "disp_occ_0/000000_10.png", [[256 * 42] * 6] * 3 + [[0] * 6])


def test_a_pair_has_flow_occlusion_moving_cars_and_depth(tmp_path: Path) -> None:
    write_pair(tmp_path)
    tiny_files.text(tmp_path / "calib_cam_to_cam/000000.txt", CALIBRATION)
    sample = Kitti2015(folder=tmp_path)[0]
    assert sample.next_image is not None
    assert sample.flow is not None
    assert sample.occluded is not None
    assert sample.inverse_depth is not None
    assert sample.next_image[0, 0, 0] == 11
    assert sample.flow[2, 2].tolist() == [3, -1]
    assert np.isnan(sample.flow[0]).all()
    assert sample.occluded.sum(axis=1).tolist() == [0, 6, 0, 0]
    assert sample.moving.sum(axis=1).tolist() == [0, 0, 0, 2]
    # 42 px at 700 px * 0.54 m: 9 m.
    assert sample.inverse_depth[0] == pytest.approx(1 / 9)
    assert np.isnan(sample.inverse_depth[3]).all()


def test_without_the_calibration_there_is_no_depth(tmp_path: Path) -> None:
    write_pair(tmp_path)
    assert Kitti2015(folder=tmp_path)[0].inverse_depth is None
    (tmp_path / "calib_cam_to_cam").mkdir()
    with pytest.raises(
        FileFormatError, match=r"000000\.txt: No such file.*P_rect_02: \.\.\., P_re"
    ):
        Kitti2015(folder=tmp_path)[0]


@pytest.mark.parametrize("place", ["image_2", "flow_occ", "flow_noc", "obj_map"])
def test_a_missing_or_resized_file_is_named(tmp_path: Path, place: str) -> None:
    write_pair(tmp_path)
    number = 11 if place == "image_2" else 10
    path = tmp_path / place / f"000000_{number}.png"
    if place == "image_2":
        tiny_files.image(path, (3, 6))
    elif place == "obj_map":
        tiny_files.indices(path, np.zeros((3, 6)))
    else:
        tiny_files.kitti_flow(path, tiny_files.constant_flow((3, 6), 0, 0))
    data = Kitti2015(folder=tmp_path)
    with pytest.raises(FileFormatError, match=rf"{place}/\S+: 3x6 \(HxW\), expected .* 4x6"):
        data[0]
    path.unlink()
    with pytest.raises(FileFormatError, match=rf"{place}/\S+: No such file"):
        data[0]


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected KITTI 2015's training folder"):
        Kitti2015(folder=tmp_path)
