from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.correspondence import warp_back
from training.data.file_formats import FileFormatError
from training.data.readers.middlebury2003 import Middlebury2003
from training.data.root import data_root

needs_data = pytest.mark.skipif(
    not (data_root() / "depth" / "middlebury2003").is_dir(),
    reason=f"Middlebury 2003 is not at {data_root() / 'depth' / 'middlebury2003'}",
)


def test_disparity_is_flow_to_the_left_and_what_is_nearer_hides(tmp_path: Path) -> None:
    scene = tmp_path / "cones"
    scene.mkdir()
    # Seen from the left: a wall at 1 px, a thing at 3 px in column 5 that covers column 2 of the
    # right image, where the wall's column 3 would be. Column 0 leaves the image, 7 is unknown.
    left = np.array([[4, 4, 4, 4, 4, 12, 4, 0]], dtype=np.uint8)
    right = np.array([[4, 4, 12, 4, 0, 4, 0, 0]], dtype=np.uint8)
    Image.fromarray(left).save(scene / "disp2.pgm")
    Image.fromarray(right).save(scene / "disp6.pgm")
    for name in ("im2.ppm", "im6.ppm"):
        Image.new("RGB", (8, 1)).save(scene / name)
    sample = Middlebury2003(folder=tmp_path)[0]
    assert sample.flow is not None
    assert sample.occluded is not None
    assert sample.inverse_depth is not None
    assert sample.flow[0, :7].tolist() == [[-1, 0]] * 5 + [[-3, 0], [-1, 0]]
    assert np.isnan(sample.flow[0, 7]).all()
    assert sample.occluded[0].tolist() == [True, False, False, True] + [False] * 4
    assert sample.inverse_depth[0, 5] == 3


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no SCENE/disp2.pgm, expected cones/ and teddy/"):
        Middlebury2003(folder=tmp_path)


@needs_data
def test_the_right_image_shows_the_same_where_the_flow_points() -> None:
    data = Middlebury2003()
    assert data.names == ("cones", "teddy")
    for index in range(len(data)):
        sample = data[index]
        assert sample.flow is not None
        assert sample.occluded is not None
        assert sample.next_image is not None
        seen = np.isfinite(sample.flow[..., 0]) & ~sample.occluded
        assert seen.mean() > 0.8
        warped = warp_back(sample.next_image, sample.flow)
        error = np.abs(warped - sample.image).mean(axis=-1)
        assert error[seen].mean() < 8
        assert error[sample.occluded].mean() > 3 * error[seen].mean()
