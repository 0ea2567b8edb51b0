"""Middlebury stereo 2003: cones and teddy, structured light (Scharstein and Szeliski 2003).

    SCENE/im2.ppm, im6.ppm         left and right, 375x450 (HxW)
    SCENE/disp2.pgm, disp6.pgm     disparity * 4, seen from the left and from the right; 0 unknown

Right(x - disparity) = left(x): also a flow pair, u = -disparity, v = 0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.correspondence import leaves_image
from training.data.file_formats import FileFormatError, read_image, read_indices
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample

STEPS_PER_PX = 4.0  # of the quarter-size edition
NEARER_PX = 1.0  # Middlebury's cross-check: disparities that differ by more are not the same point


@dataclass(frozen=True, kw_only=True)
class Middlebury2003:
    """Pairs with flow, occlusion and relative inverse depth.

    Focal length and baseline are not published, so `inverse_depth` holds the disparity in px: its
    unit is unknown. Score with alignment "scale_shift", and with `far_m=1.0`: the smallest
    disparities are several px. RMSE is in that unit too, not in metres.
    """

    folder: Path = field(default_factory=lambda: data_root() / "depth" / "middlebury2003")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Scenes, sorted."""
        names = tuple(sorted(file.parent.name for file in self.folder.glob("*/disp2.pgm")))
        if not names:
            raise FileFormatError(
                f"{self.folder}: no SCENE/disp2.pgm, expected cones/ and teddy/ of Middlebury 2003"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        scene = self.folder / self.names[index]
        image = read_image(scene / "im2.ppm")
        disparity_px = _read_disparity(scene / "disp2.pgm", image)
        right_px = _read_disparity(scene / "disp6.pgm", image)
        flow = np.stack([-disparity_px, np.where(np.isfinite(disparity_px), 0, np.nan)], axis=-1)
        flow = flow.astype(np.float32)
        return Sample(
            name=f"middlebury2003/{self.names[index]}",
            image=image,
            next_image=fitting(read_image(scene / "im6.ppm"), scene / "im6.ppm", image),
            inverse_depth=disparity_px,
            flow=flow,
            occluded=leaves_image(flow) | hidden_on_the_right(disparity_px, right_px),
        )


def hidden_on_the_right(
    disparity_px: NDArray[np.float32], right_px: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """(h, w) true where the right image shows something nearer at the place of a left pixel."""
    x = np.arange(disparity_px.shape[1])[None] - disparity_px
    inside = np.nan_to_num(x, nan=-1.0) >= 0
    column = np.rint(np.where(inside, x, 0)).astype(int)
    found_px = np.take_along_axis(right_px, column, axis=1)
    return np.asarray(inside & (found_px > disparity_px + NEARER_PX))


def _read_disparity(path: Path, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w) px, NaN where unknown."""
    steps = fitting(read_indices(path), path, image)
    return np.where(steps == 0, np.nan, steps / STEPS_PER_PX).astype(np.float32)
