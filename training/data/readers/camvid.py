"""CamVid: road scenes, 11 classes on every pixel (Brostow et al. 2009), split by SegNet's authors.

    camvid/train.txt, val.txt      one name per line, or "IMAGE LABELS" as SegNet's lists have it
    camvid/train/NAME.png, .jpg    images, 360x480 (HxW)
    camvid/trainannot/NAME.png     values 0-10 = models.task.CLASS_NAMES, 11 = void
    camvid/val, valannot           the same; one continuous clip at 15 Hz

Personal and research use only (CC BY-NC 4.0).
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from models.task import CLASS_NAMES, IGNORE_INDEX
from training.data.file_formats import FileFormatError, read_image, read_indices, read_text
from training.data.root import data_root
from training.data.sample import Sample

VOID = 11  # SegNet's index of unlabelled pixels


@dataclass(frozen=True, kw_only=True)
class CamVid:
    """Images with labels."""

    split: Literal["train", "val", "test"]
    folder: Path = field(default_factory=lambda: data_root() / "camvid")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the split, in its own order: that of the clips."""
        path = self.folder / f"{self.split}.txt"
        lines = read_text(path, "the list of names of a CamVid split").splitlines()
        # SegNet's own lists hold the two files' places on its authors' machine.
        firsts = (line.split()[0] for line in lines if line.strip())
        names = tuple(PurePosixPath(first).name.removesuffix(".png") for first in firsts)
        if not names:
            raise FileFormatError(f"{path}: no name in it, expected one per line")
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        label_path = self.folder / f"{self.split}annot" / f"{name}.png"
        jpeg = self.folder / self.split / f"{name}.jpg"
        image = read_image(jpeg if jpeg.is_file() else jpeg.with_name(f"{name}.png"))
        labels = read_indices(label_path)
        if labels.shape != image.shape[:2] or labels.max() > VOID:
            height, width = labels.shape
            raise FileFormatError(
                f"{label_path}: {height}x{width} (HxW) with values up to {labels.max()}, expected "
                f"{image.shape[0]}x{image.shape[1]} with values 0-{len(CLASS_NAMES) - 1} and {VOID}"
            )
        labels[labels == VOID] = IGNORE_INDEX
        return Sample(name=f"camvid/{self.split}/{name}", image=image, labels=labels)
