"""TUM RGB-D: a hand-held Kinect in an office (Sturm et al. 2012), a few frames.

    N.png, N_depth.png     480x640 (HxW); depth * 5000 / m, 0 is unknown; registered to colour

CC BY 4.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.file_formats import FileFormatError, read_depth_png, read_image
from training.data.root import data_root
from training.data.sample import Sample

STEPS_PER_M = 5000.0  # TUM's file format: a 16-bit step is 0.2 mm


@dataclass(frozen=True, kw_only=True)
class Tum:
    """Single images with depth."""

    folder: Path = field(default_factory=lambda: data_root() / "depth" / "tum")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Numbers of the frames, in their order."""
        names = [file.name.removesuffix("_depth.png") for file in self.folder.glob("*_depth.png")]
        if not names:
            raise FileFormatError(
                f"{self.folder}: no N_depth.png, expected frames N.png with N_depth.png"
            )
        return tuple(sorted(names, key=lambda name: (len(name), name)))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        depth_m = read_depth_png(self.folder / f"{name}_depth.png", steps_per_m=STEPS_PER_M)
        return Sample(
            name=f"tum/{name}",
            image=read_image(self.folder / f"{name}.png"),
            inverse_depth=np.float32(1) / depth_m,
        )
