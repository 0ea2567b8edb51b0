from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError
from training.data.readers.frames import ImageSequences, Video, open_frames


def test_neighbours_of_each_folder_are_pairs(tmp_path: Path) -> None:
    for name, value in (("a/f1", 1), ("a/f2", 2), ("a/f10", 10), ("b/f1", 21), ("b/f2", 22)):
        tiny_files.image(tmp_path / f"{name}.png", (4, 6), value)
    data = open_frames(tmp_path)
    assert isinstance(data, ImageSequences)
    found = [(int(data[i].image[0, 0, 0]), int(second(data, i))) for i in range(len(data))]
    assert found == [(1, 2), (2, 10), (21, 22)]
    assert len(ImageSequences(folder=tmp_path, gap=2)) == 1


def second(data: ImageSequences | Video, index: int) -> int:
    following = data[index].next_image
    assert following is not None
    return int(following[0, 0, 0])


def test_a_frame_of_another_size_is_named(tmp_path: Path) -> None:
    tiny_files.image(tmp_path / "1.png", (4, 6))
    with pytest.raises(FileFormatError, match="no two images in one folder"):
        open_frames(tmp_path)
    tiny_files.image(tmp_path / "2.png", (4, 5))
    with pytest.raises(FileFormatError, match=r"2\.png: 4x5 \(HxW\), expected .* 4x6"):
        open_frames(tmp_path)[0]


def test_a_video_is_pairs_of_its_frames_in_rgb(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(5):
        frame = np.zeros((48, 64, 3), dtype=np.uint8)
        frame[..., 2] = 40 * number + 20  # red, in OpenCV's order
        writer.write(frame)
    writer.release()
    data = open_frames(path)
    assert isinstance(data, Video)
    assert len(data) == 4
    for index in (3, 0, 2):  # in any order
        sample = data[index]
        assert sample.size == (48, 64)
        assert sample.next_image is not None
        assert sample.image[..., 0].mean() == pytest.approx(40 * index + 20, abs=4)
        assert sample.next_image[..., 0].mean() == pytest.approx(40 * index + 60, abs=4)
        assert sample.image[..., 2].mean() < 8
    with pytest.raises(IndexError, match="has 4 pairs, pair 4 was asked for"):
        data[4]


def test_what_is_no_video_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        FileFormatError, match=r"none\.mp4: no such file, expected a video or a fol"
    ):
        open_frames(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(FileFormatError, match=r"text\.mp4: no video that can be decoded"):
        open_frames(tmp_path / "text.mp4")
    capfd.readouterr()  # OpenCV's own complaints
