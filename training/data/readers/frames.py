"""Frames without any truth: a folder of images, or a video, as pairs of neighbours.

FOLDER/*.png, .jpg, ...          one sequence, in the order of the names
FOLDER/SEQUENCE/*.png            or one per sub-folder
FILE.mp4, .avi, .mov, ...        or a video
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import FileFormatError, read_image
from training.data.readers.folder import IMAGES, natural
from training.data.readers.reader import fitting
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class ImageSequences:
    """Pairs of neighbouring images of a folder and of each of its sub-folders."""

    folder: Path
    gap: int = 1
    """From a frame to its next_image."""

    def __post_init__(self) -> None:
        len(self.files)  # a wrong folder is reported now, not with the first image

    @cached_property
    def files(self) -> tuple[tuple[Path, Path], ...]:
        """(frame, next frame), sorted; numbers in names count as numbers."""
        by_place: dict[Path, list[Path]] = {}
        for file in self.folder.rglob("*"):
            if file.suffix.lower() in IMAGES:
                by_place.setdefault(file.parent, []).append(file)
        pairs = []
        for place in sorted(by_place):
            frames = sorted(by_place[place], key=lambda file: natural(file.name))
            pairs += list(zip(frames, frames[self.gap :], strict=False))
        if not pairs:
            raise FileFormatError(
                f"{self.folder}: no two images in one folder, expected the frames of a video as "
                f"images ({' '.join(IMAGES)}), or a video file"
            )
        return tuple(pairs)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        first, second = self.files[index]
        image = read_image(first)
        return Sample(
            name=first.relative_to(self.folder.parent).with_suffix("").as_posix(),
            image=image,
            next_image=fitting(read_image(second), second, image),
        )


@dataclass(frozen=True, kw_only=True)
class Video:
    """Pairs of neighbouring frames of a video file."""

    file: Path
    gap: int = 1

    def __post_init__(self) -> None:
        len(self)  # a wrong file is reported now, not with the first frame

    @cached_property
    def num_frames(self) -> int:
        """As the file's header tells."""
        return int(_opened(self.file).get(cv2.CAP_PROP_FRAME_COUNT))

    def __len__(self) -> int:
        if self.num_frames <= self.gap:
            raise FileFormatError(
                f"{self.file}: {self.num_frames} frames, expected more than {self.gap}"
            )
        return self.num_frames - self.gap

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.file} has {len(self)} pairs, pair {index} was asked for")
        # Opened anew for each pair: an open video does not survive a fork into workers.
        video = _opened(self.file)
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        frames = [self._read(video, index + step) for step in range(self.gap + 1)]
        return Sample(name=f"{self.file.stem}/{index:06d}", image=frames[0], next_image=frames[-1])

    def _read(self, video: cv2.VideoCapture, number: int) -> NDArray[np.uint8]:
        done, frame = video.read()
        if not done:
            raise FileFormatError(
                f"{self.file}: frame {number} of {self.num_frames} cannot be decoded, expected a "
                f"whole video: it was cut short"
            )
        return np.ascontiguousarray(frame[..., ::-1], dtype=np.uint8)  # OpenCV hands over B G R


def open_frames(path: Path) -> ImageSequences | Video:
    """A folder of images, or a video file."""
    return ImageSequences(folder=path) if path.is_dir() else Video(file=path)


def _opened(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file, expected a video or a folder of images")
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise FileFormatError(f"{path}: no video that can be decoded, expected .mp4, .avi, ...")
    return video
