"""KITTI 2015: real road pairs in colour, moving cars included (Menze and Geiger 2015).

    image_2/NAME_10.png, NAME_11.png       left colour camera, frame and next frame
    flow_occ/NAME_10.png, flow_noc         flow; noc: without pixels that leave the next frame
    disp_occ_0/NAME_10.png                 disparity of the first frame
    obj_map/NAME_10.png                    0 = the static scene, else the number of a moving car
    calib_cam_to_cam/NAME.txt              P_rect_02 (left colour camera), P_rect_03 (right)

All in `training/` of the archives; the calibration is an archive of its own. CC BY-NC-SA 3.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import (
    FileFormatError,
    read_image,
    read_indices,
    read_kitti_disparity,
    read_kitti_flow,
)
from training.data.readers.kitti2012 import focal_times_baseline
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Kitti2015Sample(Sample):
    """A pair with what KITTI's own evaluation tells apart."""

    moving: NDArray[np.bool_]
    """(h, w) true on moving cars: the benchmark's foreground. Augmentation does not carry it."""


@dataclass(frozen=True, kw_only=True)
class Kitti2015:
    """Pairs with flow, occlusion and, where the calibration is there, inverse depth."""

    folder: Path = field(default_factory=lambda: data_root() / "kitti2015")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Six digits each, sorted."""
        files = sorted((self.folder / "flow_occ").glob("*_10.png"))
        if not files:
            raise FileFormatError(
                f"{self.folder}: no flow_occ/*_10.png, expected KITTI 2015's training folder"
            )
        return tuple(file.name.removesuffix("_10.png") for file in files)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Kitti2015Sample:
        name = self.names[index]
        first, second, flow_path, noc_path, objects = (
            self.folder / place / f"{name}_{number}.png"
            for place, number in (
                ("image_2", 10),
                ("image_2", 11),
                ("flow_occ", 10),
                ("flow_noc", 10),
                ("obj_map", 10),
            )
        )
        image = read_image(first)
        flow = fitting(read_kitti_flow(flow_path), flow_path, image)
        flow_noc = fitting(read_kitti_flow(noc_path), noc_path, image)
        return Kitti2015Sample(
            name=f"kitti2015/{name}",
            image=image,
            next_image=fitting(read_image(second), second, image),
            inverse_depth=self._inverse_depth(name, image),
            flow=flow,
            occluded=np.isfinite(flow[..., 0]) & ~np.isfinite(flow_noc[..., 0]),
            moving=fitting(read_indices(objects), objects, image) > 0,
        )

    def _inverse_depth(self, name: str, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """1/m; None where the calibration, a download of its own, was left out."""
        calibration = self.folder / "calib_cam_to_cam"
        if not calibration.is_dir():
            return None
        path = self.folder / "disp_occ_0" / f"{name}_10.png"
        focal = focal_times_baseline(
            calibration / f"{name}.txt", left="P_rect_02", right="P_rect_03"
        )
        return fitting(read_kitti_disparity(path), path, image) / np.float32(focal)
