"""DIODE: rooms and streets with dense laser depth to 300 m (Vasiljevic et al. 2019), and its like.

    .../NAME.png               768x1024 (HxW)
    .../NAME_depth.npy         (h, w) or (h, w, 1) float, m
    .../NAME_depth_mask.npy    (h, w), 0 where the scanner saw nothing; a folder may do without

Folders of any depth: DIODE has SPLIT/indoors/scene_N/scan_N and SPLIT/outdoor. MIT licence.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.file_formats import FileFormatError, read_image, read_npy
from training.data.readers.reader import depth_or_unknown, fitting
from training.data.root import data_root
from training.data.sample import Sample

SUFFIX = "_depth.npy"


@dataclass(frozen=True, kw_only=True)
class Diode:
    """Images with depth, of every folder below one."""

    part: str = ""
    """train, val, val/indoors, ...; all of the folder where empty."""
    folder: Path = field(default_factory=lambda: data_root() / "diode")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Paths below the folder without ending, sorted."""
        top = self.folder / self.part
        names = tuple(
            file.relative_to(self.folder).as_posix().removesuffix(SUFFIX)
            for file in sorted(top.rglob(f"*{SUFFIX}"))
        )
        if not names:
            raise FileFormatError(
                f"{top}: no NAME{SUFFIX} in it or below, expected DIODE's folders: NAME.png, "
                f"NAME{SUFFIX}, NAME_depth_mask.npy"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self.folder / f"{name}.png")
        path = self.folder / f"{name}{SUFFIX}"
        depth_m = fitting(read_npy(path), path, image)
        if self._masked:
            mask_path = self.folder / f"{name}_depth_mask.npy"
            mask = fitting(read_npy(mask_path), mask_path, image)
            depth_m = np.where(mask > 0, depth_m, np.float32(np.nan))
        return Sample(name=f"diode/{name}", image=image, inverse_depth=depth_or_unknown(depth_m))

    @cached_property
    def _masked(self) -> bool:
        """Whether any depth file has a mask: then all must."""
        return any(True for _ in (self.folder / self.part).rglob("*_depth_mask.npy"))
