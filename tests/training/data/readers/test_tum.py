from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.tum import Tum
from training.data.root import data_root

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


def test_an_official_sequence_takes_the_depth_nearest_in_time(tmp_path: Path) -> None:
    header = "# color images\n# timestamp filename\n"
    tiny_files.text(
        tmp_path / "rgb.txt", f"{header}1.00 rgb/1.00.png\n1.10 rgb/1.10.png\n2.0 rgb/2.0.png\n"
    )
    tiny_files.text(tmp_path / "depth.txt", "1.09 depth/1.09.png\n1.015 depth/1.015.png\n")
    for name in ("1.00", "1.10", "2.0"):
        tiny_files.image(tmp_path / f"rgb/{name}.png", (1, 1))
    for name, steps in (("1.015", 5000), ("1.09", 10000)):
        tiny_files.png16(tmp_path / f"depth/{name}.png", [[steps]])
    data = Tum(folder=tmp_path)
    assert len(data) == 2  # nothing was measured within 0.02 s of the third
    assert [data[i].name for i in range(2)] == ["tum/1.00", "tum/1.10"]
    depths = [data[i].inverse_depth for i in range(2)]
    assert [float(depth[0, 0]) for depth in depths if depth is not None] == [1.0, 0.5]
    tiny_files.text(tmp_path / "depth.txt", "5 depth/5.png\n")
    with pytest.raises(FileFormatError, match=r"no line of rgb\.txt is within 0\.02 s of one of"):
        Tum(folder=tmp_path)
    tiny_files.text(tmp_path / "depth.txt", "depth/5.png\n")
    with pytest.raises(FileFormatError, match=r'depth\.txt: .*expected lines "seconds file"'):
        Tum(folder=tmp_path)


def test_depth_of_another_size_is_named(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / "1.png", (2, 2))
    tiny_files.png16(tmp_path / "1_depth.png", [[1]])
    with pytest.raises(FileFormatError, match=r"1_depth\.png: 1x1 \(HxW\), expected .* 2x2"):
        Tum(folder=tmp_path)[0]
