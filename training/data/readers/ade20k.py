"""ADE20K as the scene parsing benchmark has it: 150 classes, any scene (Zhou et al. 2017).

    images/training/NAME.jpg, validation       20210 and 2000 images of many sizes
    annotations/training/NAME.png, validation  values 1-150 = classes, 0 = something else

The archive is ADEChallengeData2016. Images are for non-commercial research and education only;
annotations BSD 3-Clause.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from models.image.label_sets import ADE20K
from training.data.file_formats import FileFormatError, read_image
from training.data.labels import label_table, read_labels
from training.data.root import data_root
from training.data.sample import Sample

TABLE = label_table({index + 1: index for index in range(len(ADE20K.class_names))}, ignored=(0,))


@dataclass(frozen=True, kw_only=True)
class Ade20k:
    """Images with labels."""

    split: Literal["training", "validation"]
    folder: Path = field(default_factory=lambda: data_root() / "ade20k")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the annotations, sorted."""
        folder = self.folder / "annotations" / self.split
        names = tuple(sorted(file.stem for file in folder.glob("*.png")))
        if not names:
            raise FileFormatError(
                f"{folder}: no annotation, expected ADE_*.png of ADEChallengeData2016 there and "
                f"its images in images/{self.split}"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self.folder / "images" / self.split / f"{name}.jpg")
        path = self.folder / "annotations" / self.split / f"{name}.png"
        return Sample(
            name=f"ade20k/{self.split}/{name}", image=image, labels=read_labels(path, TABLE, image)
        )
