"""KITTI depth completion and prediction: laser depth gathered over frames (Uhrig et al. 2017).

    SPLIT/DRIVE/proj_depth/groundtruth/image_02/NNNNNNNNNN.png    depth * 256 / m, 0 is unknown
    DATE/DRIVE/image_02/data/NNNNNNNNNN.png                       frames, of the raw recordings
    SPLIT/DRIVE/image_02/data/NNNNNNNNNN.png                      ... or there

    depth_selection/val_selection_cropped/image/                  1000 frames of 352x1216 (HxW)
    depth_selection/val_selection_cropped/groundtruth_depth/      and their depth

DRIVE is 2011_09_26_drive_0001_sync, DATE its first ten characters. Depth is known at about a sixth
of the pixels. CC BY-NC-SA 3.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from training.data.file_formats import FileFormatError, read_depth_png, read_image
from training.data.readers.reader import depth_or_unknown, fitting
from training.data.root import data_root
from training.data.sample import Sample

STEPS_PER_M = 256.0
SELECTION = "val_selection_cropped"


@dataclass(frozen=True, kw_only=True)
class KittiDepth:
    """Images with sparse depth, of the left colour camera."""

    split: Literal["train", "val", "selection"]
    """`selection`: the 1000 cropped frames that papers report."""
    folder: Path = field(default_factory=lambda: data_root() / "kitti_depth")

    def __post_init__(self) -> None:
        len(self.files)  # a wrong folder is reported now, not with the first image

    @cached_property
    def files(self) -> tuple[tuple[Path, Path], ...]:
        """(frame, depth), sorted by depth file."""
        found = self._selected() if self.split == "selection" else self._annotated()
        if not found:
            expected = (
                f"depth_selection/{SELECTION}/groundtruth_depth/*.png"
                if self.split == "selection"
                else f"{self.split}/DRIVE/proj_depth/groundtruth/image_02/*.png"
            )
            raise FileFormatError(
                f"{self.folder}: no {expected}, expected KITTI's depth archives unpacked there"
            )
        return tuple(found)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        frame, depth = self.files[index]
        image = read_image(frame)
        depth_m = fitting(read_depth_png(depth, steps_per_m=STEPS_PER_M), depth, image)
        return Sample(
            name=f"kitti_depth/{depth.relative_to(self.folder).with_suffix('').as_posix()}",
            image=image,
            inverse_depth=depth_or_unknown(depth_m),
        )

    def _annotated(self) -> list[tuple[Path, Path]]:
        split = self.folder / self.split
        found = []
        for depth in sorted(split.glob("*/proj_depth/groundtruth/image_02/*.png")):
            drive = depth.parents[3].name
            beside = split / drive / "image_02" / "data" / depth.name
            raw = self.folder / drive[:10] / drive / "image_02" / "data" / depth.name
            # Neither there: the raw recordings' place is the one that an error names.
            found.append((beside if beside.is_file() else raw, depth))
        return found

    def _selected(self) -> list[tuple[Path, Path]]:
        within = self.folder / "depth_selection" / SELECTION
        place = within if within.is_dir() else self.folder / SELECTION
        return [
            (place / "image" / depth.name.replace("_groundtruth_depth_", "_image_"), depth)
            for depth in sorted((place / "groundtruth_depth").glob("*.png"))
        ]
