from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.correspondence import warp_back
from training.data.file_formats import FileFormatError
from training.data.readers.seven_scenes import SevenScenes
from training.data.root import data_root

needs_data = pytest.mark.skipif(
    not (data_root() / "depth" / "7scenes").is_dir(),
    reason=f"7-Scenes is not at {data_root() / 'depth' / '7scenes'}",
)


def write_sequence(folder: Path, num_frames: int) -> None:
    np.savetxt(folder / "camera-intrinsics.txt", [[585, 0, 320], [0, 585, 240], [0, 0, 1]])
    for number in range(num_frames):
        depth = np.full((480, 640), 2000, dtype=np.uint16)
        depth[:100], depth[-100:] = 0, 65535
        cv2.imwrite(str(folder / f"frame-{number:06d}.depth.png"), depth)
        Image.new("RGB", (640, 480)).save(folder / f"frame-{number:06d}.color.png")
        pose = np.eye(4)
        pose[0, 3] = 0.1 * number
        np.savetxt(folder / f"frame-{number:06d}.pose.txt", pose)


def test_a_wall_two_metres_away_moves_by_its_disparity(tmp_path: Path) -> None:
    write_sequence(tmp_path, 3)
    data = SevenScenes(folder=tmp_path, gap=2)
    assert data.names == ("frame-000000",)
    sample = data[0]
    assert sample.inverse_depth is not None
    assert sample.flow is not None
    known = np.isfinite(sample.inverse_depth)
    assert np.unique(sample.inverse_depth[known]) == 0.5
    # The 280 known rows, as the colour camera's shorter lens sees them.
    assert known[:, 320].sum() == pytest.approx(280 * 525 / 585, abs=1.5)
    assert sample.flow[240, 320] == pytest.approx([-525 * 0.2 / 2, 0], abs=1e-3)


def test_frames_are_thinned_and_single_without_a_gap(tmp_path: Path) -> None:
    write_sequence(tmp_path, 5)
    assert len(SevenScenes(folder=tmp_path, every=2)) == 3
    assert len(SevenScenes(folder=tmp_path, every=2, gap=1)) == 2
    assert SevenScenes(folder=tmp_path)[4].next_image is None


def test_broken_sequences_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no frame-NNNNNN.depth.png, expected a sequence"):
        SevenScenes(folder=tmp_path)
    write_sequence(tmp_path, 2)
    with pytest.raises(FileFormatError, match="with another 9 frames later"):
        SevenScenes(folder=tmp_path, gap=9)
    (tmp_path / "frame-000001.pose.txt").write_text("1 0 0 0")
    with pytest.raises(FileFormatError, match=r"frame-000001\.pose\.txt: .*a 4x4 matrix"):
        SevenScenes(folder=tmp_path, gap=1)[0]


@needs_data
def test_the_real_flow_explains_the_next_frame() -> None:
    data = SevenScenes(every=24, gap=4)
    assert len(data) == 4
    for index in range(len(data)):
        sample = data[index]
        assert sample.flow is not None
        assert sample.occluded is not None
        assert sample.next_image is not None
        assert sample.inverse_depth is not None
        depth_m = 1 / sample.inverse_depth[np.isfinite(sample.inverse_depth)]
        assert 0.3 < depth_m.min() < depth_m.max() < 5  # a Kinect in a kitchen
        seen = np.isfinite(sample.flow[..., 0]) & ~sample.occluded
        assert seen.mean() > 0.6
        here = sample.image[seen].astype(float)
        moved = np.abs(here - warp_back(sample.next_image, sample.flow)[seen]).mean()
        assert moved < 0.8 * np.abs(here - sample.next_image[seen]).mean()
