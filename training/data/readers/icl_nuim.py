"""ICL-NUIM: a rendered living room (Handa et al. 2014), dense depth.

    color/N.png, depth/N.png     480x640 (HxW); depth * 5000 / m, 0 is unknown; dense
    rgb/N.png                    in place of color/, as in the TUM-compatible archives

CC BY 3.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.file_formats import FileFormatError, read_depth_png, read_image
from training.data.readers.reader import fitting
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
                f"{self.folder}: no depth/N.png, expected frames color/N.png or rgb/N.png with "
                f"depth/N.png"
            )
        return tuple(sorted(names, key=lambda name: (len(name), name)))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        colour = "rgb" if (self.folder / "rgb").is_dir() else "color"
        image = read_image(self.folder / colour / f"{name}.png")
        path = self.folder / "depth" / f"{name}.png"
        depth_m = fitting(read_depth_png(path, steps_per_m=STEPS_PER_M), path, image)
        return Sample(
            name=f"icl_nuim/{name}",
            image=image,
            inverse_depth=np.float32(1) / depth_m,
        )
