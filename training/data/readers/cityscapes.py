"""Cityscapes: road scenes of 50 cities, 19 classes (Cordts et al. 2016).

    leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png           1024x2048 (HxW)
    gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png            values 0-33 of the full list, or
    gtFine/SPLIT/CITY/NAME_gtFine_labelTrainIds.png       0-18 and 255, where only these are there

Research and other non-commercial use.
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

# Ids of the full list that are evaluated, in the order of the train ids: road, sidewalk, building,
# wall, fence, pole, traffic light, traffic sign, vegetation, terrain, sky, person, rider, car,
# truck, bus, train, motorcycle, bicycle. The rest of 0-33 (void, parking, caravan, ...) is not.
EVALUATED_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
ID_TABLE = label_table(
    {stored: index for index, stored in enumerate(EVALUATED_IDS)},
    # -1, the license plate, is stored as 255.
    ignored=(*(i for i in range(34) if i not in EVALUATED_IDS), 255),
)
TRAIN_ID_TABLE = label_table(
    {index: index for index in range(len(CITYSCAPES.class_names))}, ignored=(IGNORE_INDEX,)
)


@dataclass(frozen=True, kw_only=True)
class Cityscapes:
    """Images with fine labels."""

    split: Literal["train", "val"]
    folder: Path = field(default_factory=lambda: data_root() / "cityscapes")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """CITY/NAME of every label file, sorted."""
        folder = self.folder / "gtFine" / self.split
        names = {
            f"{file.parent.name}/{file.name.split('_gtFine_')[0]}"
            for kind in ("labelIds", "labelTrainIds")
            for file in folder.glob(f"*/*_gtFine_{kind}.png")
        }
        if not names:
            raise FileFormatError(
                f"{folder}: no CITY/*_gtFine_labelIds.png, expected Cityscapes' gtFine there and "
                f"its images in leftImg8bit/{self.split}"
            )
        return tuple(sorted(names))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self.folder / "leftImg8bit" / self.split / f"{name}_leftImg8bit.png")
        path = self.folder / "gtFine" / self.split / f"{name}_gtFine_labelIds.png"
        table = ID_TABLE
        if not path.is_file():
            path, table = path.with_name(path.name.replace("Ids", "TrainIds")), TRAIN_ID_TABLE
        return Sample(
            name=f"cityscapes/{self.split}/{name}",
            image=image,
            labels=read_labels(path, table, image),
        )
