"""FlyingThings3D: rendered things that fly through space, in stereo (Mayer et al. 2016).

    frames_cleanpass/SPLIT/LETTER/SCENE/left/NNNN.png, frames_finalpass    540x960 (HxW)
    optical_flow/SPLIT/LETTER/SCENE/into_future/left/OpticalFlowIntoFuture_NNNN_L.pfm
    optical_flow/SPLIT/LETTER/SCENE/into_past/right/OpticalFlowIntoPast_NNNN_R.pfm

A flow file has three channels, u v 0. Research and other non-commercial use.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from training.data.file_formats import FileFormatError, read_image, read_pfm
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample

Direction = Literal["into_future", "into_past"]


@dataclass(frozen=True, kw_only=True)
class FlyingThings3D:
    """Pairs with dense flow, of one rendering, from one camera, in one direction of time."""

    rendering: Literal["cleanpass", "finalpass"]
    split: Literal["TRAIN", "TEST"] = "TRAIN"
    camera: Literal["left", "right"] = "left"
    direction: Direction = "into_future"
    folder: Path = field(default_factory=lambda: data_root() / "flying_things")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """LETTER/SCENE/NNNN of every flow file that has a frame to lead to, sorted."""
        folder = self.folder / "optical_flow" / self.split
        pattern = f"*/*/{self.direction}/{self.camera}/OpticalFlowInto*_*.pfm"
        names = []
        for file in sorted(folder.glob(pattern)):
            letter, scene = file.parts[-5:-3]
            name = f"{letter}/{scene}/{file.stem.split('_')[1]}"
            # The last frame of a scene has a flow file too.
            if self._frame(self._other(name)).is_file():
                names.append(name)
        if not names:
            raise FileFormatError(
                f"{folder}: no {pattern} with two frames in frames_{self.rendering}/{self.split}, "
                f"expected FlyingThings3D's optical_flow and frames_{self.rendering} side by side"
            )
        return tuple(names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        letter, scene, frame = name.split("/")
        kind = {"into_future": "IntoFuture", "into_past": "IntoPast"}[self.direction]
        file = f"OpticalFlow{kind}_{frame}_{self.camera[0].upper()}.pfm"
        place = self.folder / "optical_flow" / self.split / letter / scene
        path = place / self.direction / self.camera / file
        image = read_image(self._frame(name))
        other = self._frame(self._other(name))
        stored = read_pfm(path)
        if stored.ndim != 3:
            raise FileFormatError(f"{path}: one channel, expected three: u, v and 0")
        flow = fitting(stored, path, image)[..., :2].copy()
        flow[~np.isfinite(flow).all(axis=-1)] = np.nan
        return Sample(
            name=f"flying_things/{self.rendering}/{self.direction}/{self.camera}/{name}",
            image=image,
            next_image=fitting(read_image(other), other, image),
            flow=flow,
        )

    def _frame(self, name: str) -> Path:
        letter, scene, frame = name.split("/")
        place = self.folder / f"frames_{self.rendering}" / self.split / letter / scene
        return place / self.camera / f"{frame}.png"

    def _other(self, name: str) -> str:
        """The frame that the flow leads to: A/0000/0006 -> A/0000/0007, or 0005."""
        scene, frame = name.rsplit("/", 1)
        step = 1 if self.direction == "into_future" else -1
        return f"{scene}/{int(frame) + step:04d}"
