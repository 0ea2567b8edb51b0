"""FlyingChairs: rendered chairs that move over photographs (Dosovitskiy et al. 2015).

    data/NNNNN_img1.ppm, NNNNN_img2.ppm     384x512 (HxW)
    data/NNNNN_flow.flo
    FlyingChairs_train_val.txt              line N: 1 = pair N is trained on, 2 = it is held out

Research use.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from training.data.file_formats import FileFormatError, read_flo, read_image, read_text
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample

SPLIT_FILE = "FlyingChairs_train_val.txt"


@dataclass(frozen=True, kw_only=True)
class FlyingChairs:
    """Pairs with dense flow."""

    split: Literal["train", "val"]
    folder: Path = field(default_factory=lambda: data_root() / "flying_chairs")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Five digits each, in order."""
        path = self.folder / SPLIT_FILE
        marks = read_text(path, "one line per pair, 1 = train or 2 = val").split()
        if not marks or set(marks) - {"1", "2"}:
            raise FileFormatError(
                f"{path}: {len(marks)} marks {sorted(set(marks))[:4]}, expected 1 (train) or "
                f"2 (val) for each pair"
            )
        wanted = {"train": "1", "val": "2"}[self.split]
        names = tuple(f"{i:05d}" for i, mark in enumerate(marks, start=1) if mark == wanted)
        if not names:
            raise FileFormatError(f"{path}: no line says {wanted} ({self.split}), expected some")
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        first, second, flow = (
            self.folder / "data" / f"{name}_{part}" for part in ("img1.ppm", "img2.ppm", "flow.flo")
        )
        image = read_image(first)
        return Sample(
            name=f"flying_chairs/{name}",
            image=image,
            next_image=fitting(read_image(second), second, image),
            flow=fitting(read_flo(flow), flow, image),
        )
