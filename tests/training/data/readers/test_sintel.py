from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.correspondence import leaves_image, warp_back
from training.data.file_formats import FileFormatError, write_flo
from training.data.readers.sintel import Sintel
from training.data.root import data_root

needs_data = pytest.mark.skipif(
    not (data_root() / "flow" / "sintel").is_dir(),
    reason=f"Sintel is not at {data_root() / 'flow' / 'sintel'}",
)


def test_invalid_is_unknown_and_leaving_is_occluded(tmp_path: Path) -> None:
    for folder in ("clean", "flow", "invalid", "occlusions"):
        (tmp_path / folder / "a").mkdir(parents=True)
    for number in (9, 10):
        Image.new("RGB", (4, 1)).save(tmp_path / "clean" / "a" / f"frame_{number:04d}.png")
    flow = np.array([[[1, 2], [0, 0], [0, 0], [5, 0]]], dtype=np.float32)
    write_flo(tmp_path / "flow" / "a" / "frame_0009.flo", flow)
    invalid = np.array([[255, 0, 0, 0]], dtype=np.uint8)
    hidden = np.array([[0, 255, 0, 0]], dtype=np.uint8)
    Image.fromarray(invalid).save(tmp_path / "invalid" / "a" / "frame_0009.png")
    Image.fromarray(hidden).save(tmp_path / "occlusions" / "a" / "frame_0009.png")
    data = Sintel(rendering="clean", folder=tmp_path)
    assert data.names == ("a/frame_0009",)
    sample = data[0]
    assert sample.flow is not None
    assert sample.occluded is not None
    assert np.isnan(sample.flow[0, 0]).all()
    np.testing.assert_array_equal(sample.flow[0, 1:], flow[0, 1:])
    assert sample.occluded.tolist() == [[True, True, False, True]]


def test_a_wrong_folder_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="two frames in final/, expected MPI-Sintel"):
        Sintel(rendering="final", folder=tmp_path)


@needs_data
def test_the_real_pairs_fit_together() -> None:
    final = Sintel(rendering="final")
    assert len(final) == 4
    assert set(Sintel(rendering="clean").names) == {"alley_1/frame_0002", "market_5/frame_0002"}
    for index in range(len(final)):
        sample = final[index]
        assert sample.size == (436, 1024)
        assert sample.flow is not None
        assert sample.occluded is not None
        assert sample.next_image is not None
        known = np.isfinite(sample.flow[..., 0])
        assert known.mean() > 0.99
        assert not (leaves_image(sample.flow) & ~sample.occluded).any()
        seen = known & ~sample.occluded
        here = sample.image[seen].astype(float)
        moved = np.abs(here - warp_back(sample.next_image, sample.flow)[seen]).mean()
        assert moved < 0.7 * np.abs(here - sample.next_image[seen]).mean()
