from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.file_formats import FileFormatError
from training.data.readers.icl_nuim import IclNuim
from training.data.root import data_root

needs_data = pytest.mark.skipif(
    not (data_root() / "depth" / "icl_nuim").is_dir(),
    reason=f"ICL-NUIM is not at {data_root() / 'depth' / 'icl_nuim'}",
)


def test_colour_and_depth_are_paired_by_number(tmp_path: Path) -> None:
    for folder in ("color", "depth"):
        (tmp_path / folder).mkdir()
    for number in (2, 10):
        Image.new("RGB", (2, 1), (number, 0, 0)).save(tmp_path / "color" / f"{number}.png")
        depth = np.array([[0, 5000 * number]], dtype=np.uint16)
        cv2.imwrite(str(tmp_path / "depth" / f"{number}.png"), depth)
    data = IclNuim(folder=tmp_path)
    assert data.names == ("2", "10")
    sample = data[1]
    assert sample.name == "icl_nuim/10"
    assert sample.image[0, 0, 0] == 10
    assert sample.inverse_depth is not None
    assert np.isnan(sample.inverse_depth[0, 0])
    assert sample.inverse_depth[0, 1] == np.float32(0.1)


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected frames color/N.png or rgb/N.png"):
        IclNuim(folder=tmp_path)


@needs_data
def test_the_real_frames_are_a_room_known_everywhere() -> None:
    data = IclNuim()
    assert len(data) == 5
    for index in range(len(data)):
        sample = data[index]
        assert sample.inverse_depth is not None
        assert np.isfinite(sample.inverse_depth).all()
        depth_m = 1 / sample.inverse_depth
        assert 0.5 < depth_m.min() < depth_m.max() < 5
