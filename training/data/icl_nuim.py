"""ICL-NUIM: a rendered living room (Handa et al. 2014), a few frames far apart.

    color/N.png, depth/N.png     480x640 (HxW); depth * 5000 / m, 0 is unknown; dense

CC BY 3.0.
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
class IclNuim:
    """Single images with depth."""

    folder: Path = field(default_factory=lambda: data_root() / "depth" / "icl_nuim")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Numbers of the frames, in their order."""
        names = [file.stem for file in (self.folder / "depth").glob("*.png")]
        if not names:
            raise FileFormatError(
                f"{self.folder}: no depth/N.png, expected frames color/N.png with depth/N.png"
            )
        return tuple(sorted(names, key=lambda name: (len(name), name)))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        depth_m = read_depth_png(self.folder / "depth" / f"{name}.png", steps_per_m=STEPS_PER_M)
        return Sample(
            name=f"icl_nuim/{name}",
            image=read_image(self.folder / "color" / f"{name}.png"),
            inverse_depth=np.float32(1) / depth_m,
        )
