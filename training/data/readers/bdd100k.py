"""BDD100K: road scenes by day and night, in sun and rain; Cityscapes' 19 classes (Yu et al. 2020).

    images/10k/SPLIT/NAME.jpg                720x1280 (HxW)
    labels/sem_seg/masks/SPLIT/NAME.png      values 0-18, 255 = not labelled

BSD 3-Clause for the annotations; images for research and non-commercial use.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from models.image.label_sets import CITYSCAPES
from models.task import IGNORE_INDEX
from training.data.file_formats import FileFormatError, read_image
from training.data.labels import label_table, read_labels
from training.data.root import data_root
from training.data.sample import Sample

TABLE = label_table(
    {index: index for index in range(len(CITYSCAPES.class_names))}, ignored=(IGNORE_INDEX,)
)


@dataclass(frozen=True, kw_only=True)
class Bdd100k:
    """Images with labels."""

    split: Literal["train", "val"]
    folder: Path = field(default_factory=lambda: data_root() / "bdd100k")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the label files, sorted: some images have none."""
        folder = self._masks
        names = tuple(sorted(file.stem for file in folder.glob("*.png")))
        if not names:
            raise FileFormatError(
                f"{folder}: no *.png, expected BDD100K's semantic segmentation there and its "
                f"images in images/10k/{self.split}"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self.folder / "images" / "10k" / self.split / f"{name}.jpg")
        labels = read_labels(self._masks / f"{name}.png", TABLE, image)
        return Sample(name=f"bdd100k/{self.split}/{name}", image=image, labels=labels)

    @property
    def _masks(self) -> Path:
        return self.folder / "labels" / "sem_seg" / "masks" / self.split
