"""MPI-Sintel: frames of a rendered film with dense flow (Butler et al. 2012).

    clean/SCENE/frame_NNNN.png, final/...    two renderings: without and with blur, fog, grain
    flow/SCENE/frame_NNNN.flo                to frame NNNN + 1
    occlusions/SCENE/frame_NNNN.png          not 0: hidden in the next frame
    invalid/SCENE/frame_NNNN.png             not 0: the flow is not trustworthy

The official archive has these folders in `training/`. Frames CC BY 3.0 (Blender Foundation).
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from training.data.correspondence import leaves_image
from training.data.file_formats import FileFormatError, read_flo, read_image, read_indices
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Sintel:
    """Pairs with dense flow, of one rendering."""

    rendering: Literal["clean", "final"]
    folder: Path = field(default_factory=lambda: data_root() / "flow" / "sintel")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """SCENE/frame_NNNN of every flow file whose two frames exist in this rendering, sorted."""
        names = tuple(
            f"{file.parent.name}/{file.stem}"
            for file in sorted((self.folder / "flow").glob("*/frame_*.flo"))
            if self._frame(f"{file.parent.name}/{file.stem}").is_file()
            and self._frame(_next(f"{file.parent.name}/{file.stem}")).is_file()
        )
        if not names:
            raise FileFormatError(
                f"{self.folder}: no flow/SCENE/frame_NNNN.flo with two frames in "
                f"{self.rendering}/, expected MPI-Sintel's training folder"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self._frame(name))
        following = self._frame(_next(name))
        path = self.folder / "flow" / f"{name}.flo"
        flow = fitting(read_flo(path), path, image)
        invalid, hidden = (
            fitting(read_indices(path), path, image) > 0
            for path in (self.folder / kind / f"{name}.png" for kind in ("invalid", "occlusions"))
        )
        occluded = hidden | leaves_image(flow)
        flow[invalid] = np.nan
        return Sample(
            name=f"sintel/{self.rendering}/{name}",
            image=image,
            next_image=fitting(read_image(following), following, image),
            flow=flow,
            occluded=occluded,
        )

    def _frame(self, name: str) -> Path:
        return self.folder / self.rendering / f"{name}.png"


def _next(name: str) -> str:
    """The name of the following frame: alley_1/frame_0002 -> alley_1/frame_0003."""
    stem, number = name.rsplit("_", 1)
    return f"{stem}_{int(number) + 1:04d}"
