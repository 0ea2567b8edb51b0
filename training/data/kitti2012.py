"""KITTI 2012: real road pairs with sparse flow and disparity from a laser scanner, grey.

    image_0/NAME_10.png, NAME_11.png    left camera, frame and next frame
    flow_occ/NAME_10.png, flow_noc      flow; noc: without pixels that leave the next frame
    disp_occ/NAME_10.png                disparity of the first frame
    calib/NAME.txt                      projection matrices P0 (left grey camera), P1 (right)

The official archive has all of it in `training/`: give that folder twice. CC BY-NC-SA 3.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.file_formats import (
    FileFormatError,
    read_bytes,
    read_image,
    read_kitti_disparity,
    read_kitti_flow,
)
from training.data.root import data_root
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Kitti2012:
    """Pairs with flow, occlusion and inverse depth, known at about a quarter of the pixels."""

    flow_folder: Path = field(default_factory=lambda: data_root() / "flow" / "kitti2012")
    depth_folder: Path = field(default_factory=lambda: data_root() / "depth" / "kitti2012")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Six digits each, sorted."""
        files = sorted((self.flow_folder / "flow_occ").glob("*_10.png"))
        if not files:
            raise FileFormatError(
                f"{self.flow_folder}: no flow_occ/*_10.png, expected KITTI 2012's training folder"
            )
        return tuple(file.name.removesuffix("_10.png") for file in files)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        flow = read_kitti_flow(self.flow_folder / "flow_occ" / f"{name}_10.png")
        flow_noc = read_kitti_flow(self.flow_folder / "flow_noc" / f"{name}_10.png")
        disparity_px = read_kitti_disparity(self.depth_folder / "disp_occ" / f"{name}_10.png")
        return Sample(
            name=f"kitti2012/{name}",
            image=read_image(self.flow_folder / "image_0" / f"{name}_10.png"),
            next_image=read_image(self.flow_folder / "image_0" / f"{name}_11.png"),
            inverse_depth=disparity_px
            / np.float32(focal_times_baseline(self.depth_folder / "calib" / f"{name}.txt")),
            flow=flow,
            occluded=np.isfinite(flow[..., 0]) & ~np.isfinite(flow_noc[..., 0]),
        )


def focal_times_baseline(path: Path) -> float:
    """px * m between the grey cameras: disparity_px divided by it is inverse depth in 1/m.

    P0 = K [I | 0], P1 = K [I | t]: the fourth numbers of their first rows differ by -focal * t_x.
    """
    rows = dict(
        line.split(":", 1)
        for line in read_bytes(path, "KITTI's calibration (P0: ..., P1: ...)").decode().splitlines()
        if ":" in line
    )
    try:
        left, right = (
            np.array(rows[key].split(), dtype=float).reshape(3, 4) for key in ("P0", "P1")
        )
    except (KeyError, ValueError) as error:
        raise FileFormatError(
            f"{path}: {error!r}, expected lines 'P0:' and 'P1:' with 12 numbers each"
        ) from error
    return float(left[0, 3] - right[0, 3])
