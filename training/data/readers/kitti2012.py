"""KITTI 2012: real road pairs with sparse flow and disparity from a laser scanner, grey.

    image_0/NAME_10.png, NAME_11.png    left camera, frame and next frame
    flow_occ/NAME_10.png, flow_noc      flow; noc: without pixels that leave the next frame
    disp_occ/NAME_10.png                disparity of the first frame, and with it
    calib/NAME.txt                      projection matrices P0 (left grey camera), P1 (right)

The official archive has all of it in `training/`: give that folder twice. CC BY-NC-SA 3.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import (
    FileFormatError,
    read_image,
    read_kitti_disparity,
    read_kitti_flow,
    read_text,
)
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Kitti2012:
    """Pairs with flow, occlusion and, where disparities are there, inverse depth.

    Known at about a quarter of the pixels.
    """

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
        first, second, flow_path, noc_path = (
            self.flow_folder / place / f"{name}_{number}.png"
            for place, number in (
                ("image_0", 10),
                ("image_0", 11),
                ("flow_occ", 10),
                ("flow_noc", 10),
            )
        )
        image = read_image(first)
        flow = fitting(read_kitti_flow(flow_path), flow_path, image)
        flow_noc = fitting(read_kitti_flow(noc_path), noc_path, image)
        return Sample(
            name=f"kitti2012/{name}",
            image=image,
            next_image=fitting(read_image(second), second, image),
            inverse_depth=self._inverse_depth(name, image),
            flow=flow,
            occluded=np.isfinite(flow[..., 0]) & ~np.isfinite(flow_noc[..., 0]),
        )

    def _inverse_depth(self, name: str, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """1/m; None where the disparities were left out."""
        path = self.depth_folder / "disp_occ" / f"{name}_10.png"
        if not path.parent.is_dir():
            return None
        focal = focal_times_baseline(self.depth_folder / "calib" / f"{name}.txt")
        return fitting(read_kitti_disparity(path), path, image) / np.float32(focal)


def focal_times_baseline(path: Path, *, left: str = "P0", right: str = "P1") -> float:
    """px * m between two cameras: disparity_px divided by it is inverse depth in 1/m.

    `left` = K [I | s], `right` = K [I | t]: the fourth numbers of their first rows differ by
    focal * (s_x - t_x).
    """
    text = read_text(path, f"KITTI's calibration ({left}: ..., {right}: ...)")
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    try:
        first, second = (
            np.array(rows[key].split(), dtype=float).reshape(3, 4) for key in (left, right)
        )
    except (KeyError, ValueError) as error:
        raise FileFormatError(
            f"{path}: {error!r}, expected lines '{left}:' and '{right}:' with 12 numbers each"
        ) from error
    return float(first[0, 3] - second[0, 3])
