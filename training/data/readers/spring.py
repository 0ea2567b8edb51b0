"""Spring: frames of a rendered film, 1080x1920, truth at twice that (Mehl et al. 2023).

    train/SCENE/frame_left/frame_left_NNNN.png
    train/SCENE/flow_FW_left/flow_FW_left_NNNN.flo5     (2160, 3840, 2), to frame NNNN + 1
    train/SCENE/disp1_left/disp1_left_NNNN.dsp5         (2160, 3840), to the other camera
    train/SCENE/cam_data/intrinsics.txt                 line N: fx fy cx cy of frame N, px
    train/SCENE/maps/matchmap_flow_FW_left/..._NNNN.png, detailmap_flow_FW_left, rigidmap_FW_left,
                     skymap_left

Flow and disparity are in px of the frames; a frame's pixel has four values of truth. The same for
`right`, and with BW for the flow to frame NNNN - 1. Everything but frames and flow is optional,
each a download of its own. CC BY 4.0.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import (
    FileFormatError,
    read_flags,
    read_image,
    read_spring,
    read_text,
)
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample

T = TypeVar("T", bound=np.generic)
BASELINE_M = 0.065  # between Spring's two cameras, as its authors publish


@dataclass(frozen=True, kw_only=True)
class SpringSample(Sample):
    """A pair with what Spring's own evaluation counts. Augmentation does not carry it."""

    fine_flow: NDArray[np.float32]
    """(2h, 2w, 2) the four flow vectors of each pixel, in px of the image; NaN where unknown."""
    unmatched: NDArray[np.bool_] | None = None
    """(h, w) each, true there; None where the maps are not there."""
    detailed: NDArray[np.bool_] | None = None
    moving: NDArray[np.bool_] | None = None
    """Moves by itself, not by the camera alone ("nonrigid")."""
    sky: NDArray[np.bool_] | None = None


@dataclass(frozen=True, kw_only=True)
class Spring:
    """Pairs of the training scenes with flow and, where they are there, depth and occlusion."""

    camera: Literal["left", "right"] = "left"
    direction: Literal["FW", "BW"] = "FW"
    benchmark: bool = False
    """Samples are SpringSamples, for Spring's own evaluation."""
    folder: Path = field(default_factory=lambda: data_root() / "spring")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """SCENE/NNNN of every flow file, sorted."""
        kind = f"flow_{self.direction}_{self.camera}"
        files = sorted((self.folder / "train").glob(f"*/{kind}/{kind}_*.flo5"))
        if not files:
            raise FileFormatError(
                f"{self.folder}: no train/SCENE/{kind}/{kind}_NNNN.flo5, expected Spring's train "
                f"archives of flow_{self.direction}_{self.camera} and frame_{self.camera}"
            )
        return tuple(f"{file.parts[-3]}/{file.stem.rsplit('_', 1)[1]}" for file in files)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self._file(name, f"frame_{self.camera}", "png"))
        other = self._file(self._other(name), f"frame_{self.camera}", "png")
        path = self._file(name, f"flow_{self.direction}_{self.camera}", "flo5")
        fine_flow = _fitting_twice(read_spring(path, "flow"), path, image)
        fine_flow[~np.isfinite(fine_flow).all(axis=-1)] = np.nan
        sample = Sample(
            name=f"spring/{self.camera}/{self.direction}/{name}",
            image=image,
            next_image=fitting(read_image(other), other, image),
            inverse_depth=self._inverse_depth(name, image),
            # One of a pixel's four: what the authors recommend to train on.
            flow=np.ascontiguousarray(fine_flow[::2, ::2]),
            occluded=self._map(name, f"matchmap_flow_{self.direction}_{self.camera}", image),
        )
        if not self.benchmark:
            return sample
        return SpringSample(
            **vars(sample),
            fine_flow=fine_flow,
            unmatched=sample.occluded,
            detailed=self._map(name, f"detailmap_flow_{self.direction}_{self.camera}", image),
            moving=self._map(name, f"rigidmap_{self.direction}_{self.camera}", image),
            sky=self._map(name, f"skymap_{self.camera}", image),
        )

    def for_benchmark(self) -> "Spring":
        """The same pairs with all that Spring's own evaluation counts."""
        return replace(self, benchmark=True)

    def _file(self, name: str, kind: str, ending: str, *, within: str = "") -> Path:
        scene, frame = name.split("/")
        return self.folder / "train" / scene / within / kind / f"{kind}_{frame}.{ending}"

    def _other(self, name: str) -> str:
        """The frame that the flow leads to: 0001/0003 -> 0001/0004, or 0002."""
        scene, frame = name.split("/")
        return f"{scene}/{int(frame) + (1 if self.direction == 'FW' else -1):04d}"

    def _inverse_depth(self, name: str, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """1/m = disparity / (focal length * baseline); None where disparities were left out."""
        path = self._file(name, f"disp1_{self.camera}", "dsp5")
        if not path.parent.is_dir():
            return None
        disparity_px = _fitting_twice(read_spring(path, "disparity"), path, image)[::2, ::2]
        scene, frame = name.split("/")
        focal_px = _focal_px(
            self.folder / "train" / scene / "cam_data" / "intrinsics.txt", int(frame)
        )
        inverse_depth = np.abs(disparity_px) / (focal_px * BASELINE_M)
        inverse_depth[~np.isfinite(inverse_depth)] = np.nan
        return np.asarray(inverse_depth, dtype=np.float32)

    def _map(self, name: str, kind: str, image: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
        """(h, w); None where this map was left out.

        A map at the size of the truth counts a pixel where at least half of its four say so.
        """
        path = self._file(name, kind, "png", within="maps")
        if not path.parent.is_dir():
            return None
        flags = read_flags(path)
        if flags.shape == image.shape[:2]:
            return flags
        flags = _fitting_twice(flags, path, image)
        height, width = image.shape[:2]
        return np.asarray(flags.reshape(height, 2, width, 2).mean(axis=(1, 3)) >= 0.5)


def _fitting_twice(values: NDArray[T], path: Path, image: NDArray[np.uint8]) -> NDArray[T]:
    height, width = 2 * image.shape[0], 2 * image.shape[1]
    if values.shape[:2] != (height, width):
        raise FileFormatError(
            f"{path}: {values.shape[0]}x{values.shape[1]} (HxW), expected {height}x{width}, twice "
            f"the size of its frame: Spring's truth is finer than its frames"
        )
    return values


def _focal_px(path: Path, frame: int) -> float:
    lines = read_text(path, "lines of fx fy cx cy, one per frame").splitlines()
    try:
        return float(lines[frame - 1].split()[0])
    except (IndexError, ValueError) as error:
        raise FileFormatError(
            f"{path}: {error!r} for frame {frame}, expected a line fx fy cx cy for each frame"
        ) from error
