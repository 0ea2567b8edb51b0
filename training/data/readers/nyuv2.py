"""NYU Depth V2: rooms seen by a Kinect (Silberman et al. 2012), in either of two forms.

    nyu_depth_v2_labeled.mat       MATLAB 7.3 = HDF5: images (1449, 3, 640, 480), depths
                                   (1449, 640, 480) in m, columns before rows
    splits.mat                     MATLAB 5: trainNdxs (795), testNdxs (654), counted from 1

    SPLIT/SCENE/rgb_NNNNN.jpg      480x640 (HxW), or .png
    SPLIT/SCENE/sync_depth_NNNNN.png    depth * 1000 / m, 16 bits, 0 is unknown

Of both forms the same pixels count. Research use.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import FileFormatError, read_depth_png, read_image
from training.data.readers.mat5 import read_mat5
from training.data.readers.reader import depth_or_unknown, fitting
from training.data.root import data_root
from training.data.sample import Sample

STEPS_PER_M = 1000.0
SIZE = (480, 640)
# Where depth counts, (rows, columns) of 480x640: Eigen et al. 2014. Outside there is the white
# border of the registration, filled with invented depth.
COUNTED = (slice(45, 471), slice(41, 601))
Split = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class NyuV2:
    """The 1449 labelled frames, images with dense depth."""

    split: Split
    folder: Path = field(default_factory=lambda: data_root() / "nyuv2")

    def __post_init__(self) -> None:
        len(self.numbers)  # a wrong folder is reported now, not with the first image

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Of the frames of the split, counted from 0."""
        path = self.folder / "splits.mat"
        key = f"{self.split}Ndxs"
        splits = read_mat5(path)
        if key not in splits:
            raise FileFormatError(f"{path}: holds {sorted(splits)}, expected {key}")
        if not self._frames.is_file():
            raise FileFormatError(f"{self._frames}: no such file, expected NYU's labelled frames")
        return tuple(int(number) - 1 for number in splits[key].ravel())

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Sample:
        number = self.numbers[index]
        image, depth_m = _read_frame(self._frames, number)
        inverse_depth = _counted(depth_m, self._frames)
        return Sample(name=f"nyuv2/{number + 1:04d}", image=image, inverse_depth=inverse_depth)

    @property
    def _frames(self) -> Path:
        return self.folder / "nyu_depth_v2_labeled.mat"


@dataclass(frozen=True, kw_only=True)
class NyuV2Folder:
    """Frames as files, images with depth: the form in which the raw recordings are passed on."""

    split: Split
    folder: Path = field(default_factory=lambda: data_root() / "nyuv2")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """SCENE/NNNNN, sorted."""
        top = self.folder / self.split
        names = tuple(
            f"{file.parent.relative_to(top).as_posix()}/{file.stem.removeprefix('sync_depth_')}"
            for file in sorted(top.rglob("sync_depth_*.png"))
        )
        if not names:
            raise FileFormatError(
                f"{top}: no SCENE/sync_depth_NNNNN.png, expected frames rgb_NNNNN.jpg with "
                f"sync_depth_NNNNN.png; or nyu_depth_v2_labeled.mat and splits.mat in {self.folder}"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        scene, number = name.rsplit("/", 1)
        place = self.folder / self.split / scene
        jpeg = place / f"rgb_{number}.jpg"
        image = read_image(jpeg if jpeg.is_file() else jpeg.with_suffix(".png"))
        path = place / f"sync_depth_{number}.png"
        depth_m = fitting(read_depth_png(path, steps_per_m=STEPS_PER_M), path, image)
        return Sample(name=f"nyuv2/{name}", image=image, inverse_depth=_counted(depth_m, path))


def open_nyuv2(split: Split, folder: Path) -> NyuV2 | NyuV2Folder:
    """The form that is there: the official file where it is, else frames as files."""
    if (folder / "nyu_depth_v2_labeled.mat").exists() or (folder / "splits.mat").exists():
        return NyuV2(split=split, folder=folder)
    return NyuV2Folder(split=split, folder=folder)


def _counted(depth_m: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """(h, w) inverse depth in 1/m, unknown outside of COUNTED."""
    if depth_m.shape != SIZE:
        raise FileFormatError(
            f"{path}: frames are {depth_m.shape[0]}x{depth_m.shape[1]} (HxW), expected "
            f"{SIZE[0]}x{SIZE[1]}: take the original frames, neither resized nor cropped"
        )
    inverse_depth = np.full(SIZE, np.nan, dtype=np.float32)
    inverse_depth[COUNTED] = depth_or_unknown(depth_m)[COUNTED]
    return inverse_depth


def _read_frame(path: Path, number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Image (h, w, 3) and depth (h, w) in m of one frame. MATLAB's arrays come transposed."""
    import h5py  # slow to load

    expected = "an HDF5 file with images (n, 3, w, h) and depths (n, w, h)"
    try:
        # Opened anew for each frame: an open file does not survive a fork into workers.
        with h5py.File(path, "r") as file:
            images, depths = file["images"], file["depths"]
            n, three, *size = images.shape
            if three != 3 or depths.shape != (n, *size) or number >= n:
                raise FileFormatError(
                    f"{path}: images are {images.shape}, depths {depths.shape}, frame {number} is "
                    f"asked for, expected {expected}"
                )
            image = np.array(images[number], dtype=np.uint8).transpose(2, 1, 0)
            depth_m = np.array(depths[number], dtype=np.float32).T
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: {error}, expected {expected}") from error
    return np.ascontiguousarray(image), np.ascontiguousarray(depth_m)
