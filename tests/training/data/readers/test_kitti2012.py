from pathlib import Path

import numpy as np
import pytest

from tests.training.data import tiny_files
from training.data.correspondence import leaves_image, warp_back
from training.data.file_formats import FileFormatError
from training.data.readers.kitti2012 import Kitti2012, focal_times_baseline
from training.data.root import data_root

needs_data = pytest.mark.skipif(
    not (data_root() / "flow" / "kitti2012").is_dir(),
    reason=f"KITTI 2012 is not at {data_root() / 'flow' / 'kitti2012'}",
)


def test_focal_times_baseline_is_the_shift_between_the_projections(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    path.write_text("P0: 700 0 600 0 0 700 180 0 0 0 1 0\nP1: 700 0 600 -378 0 700 180 0 0 0 1 0\n")
    assert focal_times_baseline(path) == 378.0  # 700 px * 0.54 m
    path.write_text("P0: 700 0 600\n")
    with pytest.raises(FileFormatError, match=r"calib\.txt: .*expected lines 'P0:' and 'P1:'"):
        focal_times_baseline(path)


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"no flow_occ/\*_10\.png, expected KITTI 2012"):
        Kitti2012(flow_folder=tmp_path)


def test_without_disparities_there_is_no_depth(tmp_path: Path) -> None:
    for number in (10, 11):
        tiny_files.image(tmp_path / f"image_0/000003_{number}.png", (2, 3))
    for kind in ("flow_occ", "flow_noc"):
        tiny_files.kitti_flow(
            tmp_path / f"{kind}/000003_10.png", tiny_files.constant_flow((2, 3), 1.0, 0.0)
        )
    sample = Kitti2012(flow_folder=tmp_path, depth_folder=tmp_path)[0]
    assert sample.inverse_depth is None
    assert sample.flow is not None
    (tmp_path / "disp_occ").mkdir()  # where some are there, all must be
    with pytest.raises(FileFormatError, match=r"000003\.txt: No such file.*expected KITTI's calib"):
        Kitti2012(flow_folder=tmp_path, depth_folder=tmp_path)[0]


@needs_data
def test_the_real_pairs_fit_together() -> None:
    data = Kitti2012()
    assert data.names == ("000027", "000138", "000151")
    for index in range(len(data)):
        sample = data[index]
        assert sample.flow is not None
        assert sample.occluded is not None
        assert sample.next_image is not None
        assert sample.inverse_depth is not None
        assert sample.flow.shape == (*sample.size, 2)
        assert sample.next_image.shape == sample.image.shape
        known = np.isfinite(sample.flow[..., 0])
        assert 0.23 < known.mean() < 0.33
        assert sample.occluded[known].mean() > 0.05
        assert not (sample.occluded & ~known).any()
        assert (leaves_image(sample.flow) & ~sample.occluded).sum() < 0.01 * known.sum()
        depth_m = 1 / sample.inverse_depth[np.isfinite(sample.inverse_depth)]
        assert 2 < depth_m.min() < 10  # the bumper in front
        assert 60 < depth_m.max() < 90  # the scanner's reach
        # The flow explains the next frame better than standing still does.
        seen = known & ~sample.occluded
        here = sample.image[seen].astype(float)
        moved = np.abs(here - warp_back(sample.next_image, sample.flow)[seen]).mean()
        assert moved < 0.7 * np.abs(here - sample.next_image[seen]).mean()
