from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.file_formats import FileFormatError
from training.data.root import data_root
from training.data.tum import Tum

needs_data = pytest.mark.skipif(
    not (data_root() / "depth" / "tum").is_dir(),
    reason=f"TUM RGB-D is not at {data_root() / 'depth' / 'tum'}",
)


def test_steps_are_a_fifth_of_a_millimetre_and_zero_is_unknown(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "10_depth.png"), np.array([[0, 5000, 20000]], dtype=np.uint16))
    cv2.imwrite(str(tmp_path / "9_depth.png"), np.array([[1]], dtype=np.uint16))
    Image.new("RGB", (3, 1)).save(tmp_path / "10.png")
    data = Tum(folder=tmp_path)
    assert [frame.stem for frame, _ in data.files] == ["9", "10"]
    sample = data[1]
    assert sample.inverse_depth is not None
    assert np.isnan(sample.inverse_depth[0, 0])
    assert sample.inverse_depth[0, 1:].tolist() == [1, 0.25]
    with pytest.raises(FileFormatError, match=r"9\.png: .*expected an image"):
        data[0]


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"expected a sequence of TUM RGB-D, or "):
        Tum(folder=tmp_path)


@needs_data
def test_the_real_frames_are_an_office() -> None:
    data = Tum()
    assert len(data) == 2
    for index in range(len(data)):
        sample = data[index]
        assert sample.inverse_depth is not None
        depth_m = 1 / sample.inverse_depth[np.isfinite(sample.inverse_depth)]
        assert depth_m.size > 0.6 * 480 * 640
        assert 0.4 < depth_m.min() < depth_m.max() < 11
