import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.nyuv2 import NyuV2, NyuV2Folder, open_nyuv2


def element(kind: int, content: bytes) -> bytes:
    """As MATLAB 5 writes it: type, length, content, padded to eight bytes."""
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def matrix(name: str, values: list[int]) -> bytes:
    """A column of doubles, stored as bytes as MATLAB does with small whole numbers."""
    flags = element(6, struct.pack("<II", 6, 0))
    size = element(5, struct.pack("<ii", len(values), 1))
    return element(14, flags + size + element(1, name.encode()) + element(2, bytes(values)))


def write_splits(path: Path, **splits: list[int]) -> None:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    body = b""
    for name, values in splits.items():
        packed = zlib.compress(matrix(name, values))
        body += struct.pack("<II", 15, len(packed)) + packed
    path.write_bytes(header + body)


def write_frames(path: Path, num_frames: int = 3) -> None:
    images = np.zeros((num_frames, 3, 640, 480), dtype=np.uint8)
    depths = np.full((num_frames, 640, 480), 2.0, dtype=np.float32)
    images[1, 0, 100, 60] = 200  # red at column 100, row 60
    depths[1, 100, 60] = 4.0
    depths[1, 101, 60] = 0.0
    tiny_files.hdf5(path, images=images, depths=depths)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_splits(tmp_path / "splits.mat", testNdxs=[1, 3], trainNdxs=[2])
    write_frames(tmp_path / "nyu_depth_v2_labeled.mat")
    return tmp_path


def test_frames_are_numbered_from_one_and_lie_on_their_side(folder: Path) -> None:
    train, test = NyuV2(split="train", folder=folder), NyuV2(split="test", folder=folder)
    assert test.numbers == (0, 2)
    sample = train[0]
    assert sample.name == "nyuv2/0002"
    assert sample.size == (480, 640)
    assert sample.image[60, 100].tolist() == [200, 0, 0]
    assert sample.inverse_depth is not None
    assert sample.inverse_depth[60, 100] == 0.25
    assert np.isnan(sample.inverse_depth[60, 101])
    # Outside of Eigen's crop depth was invented.
    known = np.isfinite(sample.inverse_depth)
    assert known.sum() == (471 - 45) * (601 - 41) - 1
    assert not known[:45].any()
    assert not known[:, 601:].any()


def test_broken_or_missing_files_are_named(folder: Path) -> None:
    (folder / "splits.mat").write_bytes((folder / "splits.mat").read_bytes()[:-9])
    with pytest.raises(FileFormatError, match=r"splits\.mat: .*expected a MATLAB 5 file"):
        NyuV2(split="train", folder=folder)
    write_splits(folder / "splits.mat", other=[1])
    with pytest.raises(FileFormatError, match=r"splits\.mat: holds \['other'\], expected trainNdx"):
        NyuV2(split="train", folder=folder)
    write_splits(folder / "splits.mat", trainNdxs=[9])
    with pytest.raises(FileFormatError, match=r"labeled\.mat: images are \(3, 3, 640, 480\).*fram"):
        NyuV2(split="train", folder=folder)[0]
    (folder / "nyu_depth_v2_labeled.mat").write_bytes(b"not HDF5")
    with pytest.raises(FileFormatError, match=r"labeled\.mat: .*expected an HDF5 file with images"):
        NyuV2(split="train", folder=folder)[0]
    (folder / "nyu_depth_v2_labeled.mat").unlink()
    with pytest.raises(FileFormatError, match=r"labeled\.mat: no such file, expected NYU's"):
        open_nyuv2("train", folder)


def test_frames_as_files_have_depth_in_millimetres(tmp_path: Path) -> None:
    place = tmp_path / "test/kitchen_0001"
    tiny_files.image(place / "rgb_00045.jpg", (480, 640))
    steps = np.full((480, 640), 2000)
    steps[60, 100:102] = 0, 10000
    tiny_files.png16(place / "sync_depth_00045.png", steps)
    data = open_nyuv2("test", tmp_path)
    assert isinstance(data, NyuV2Folder)
    assert data.names == ("kitchen_0001/00045",)
    depth = data[0].inverse_depth
    assert depth is not None
    assert np.isnan(depth[60, 100])
    assert depth[60, 101:103].tolist() == [np.float32(0.1), 0.5]
    # As of the official file: what lies outside of Eigen's crop does not count.
    assert np.isfinite(depth).sum() == (471 - 45) * (601 - 41) - 1
    assert not np.isfinite(depth[:, :41]).any()
    tiny_files.png16(place / "sync_depth_00045.png", [[0], [1]])
    with pytest.raises(FileFormatError, match=r"depth_00045\.png: 2x1 \(HxW\), expected .*480x640"):
        data[0]
    tiny_files.image(place / "rgb_00045.jpg", (2, 1))
    with pytest.raises(
        FileFormatError, match=r"00045\.png: frames are 2x1 \(HxW\), expected 480x640"
    ):
        data[0]
    with pytest.raises(FileFormatError, match=r"or nyu_depth_v2_labeled\.mat and splits\.mat in"):
        open_nyuv2("train", tmp_path)
