"""Middlebury optical flow: a few pairs with dense flow, real and rendered (Baker et al. 2011).

    other-data/SCENE/frame10.png, frame11.png     (archive other-color-twoframes)
    other-gt-flow/SCENE/flow10.flo                components above 1e9 are unknown

Research use.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from training.data.file_formats import FileFormatError, read_flo, read_image
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Middlebury:
    """Pairs with flow."""

    folder: Path = field(default_factory=lambda: data_root() / "flow" / "middlebury")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Scenes with known flow, sorted."""
        files = (self.folder / "other-gt-flow").glob("*/flow10.flo")
        names = tuple(sorted(file.parent.name for file in files))
        if not names:
            raise FileFormatError(
                f"{self.folder}: no other-gt-flow/SCENE/flow10.flo, expected Middlebury's "
                f"other-gt-flow and other-data side by side"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        first, second = (
            self.folder / "other-data" / name / f"frame{number}.png" for number in (10, 11)
        )
        path = self.folder / "other-gt-flow" / name / "flow10.flo"
        image = read_image(first)
        return Sample(
            name=f"middlebury/{name}",
            image=image,
            next_image=fitting(read_image(second), second, image),
            flow=fitting(read_flo(path), path, image),
        )
