"""TUM RGB-D: a hand-held Kinect in an office (Sturm et al. 2012).

    rgb.txt, depth.txt               lines "seconds file", # before remarks: an official sequence
    rgb/SECONDS.png, depth/SECONDS.png

    N.png, N_depth.png               or a few frames chosen by hand, without those lists

480x640 (HxW); depth * 5000 / m, 0 is unknown; registered to colour. The two cameras do not fire
together: a frame's depth is the nearest in time. CC BY 4.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.file_formats import FileFormatError, read_depth_png, read_image, read_text
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample

STEPS_PER_M = 5000.0  # TUM's file format: a 16-bit step is 0.2 mm
MAX_APART_S = 0.02  # as the benchmark's own tool associates


@dataclass(frozen=True, kw_only=True)
class Tum:
    """Single images with depth."""

    folder: Path = field(default_factory=lambda: data_root() / "depth" / "tum")

    def __post_init__(self) -> None:
        len(self.files)  # a wrong folder is reported now, not with the first image

    @cached_property
    def files(self) -> tuple[tuple[Path, Path], ...]:
        """(image, depth) of every frame, in their order."""
        if (self.folder / "rgb.txt").is_file():
            return self._associated()
        names = [file.name.removesuffix("_depth.png") for file in self.folder.glob("*_depth.png")]
        if not names:
            raise FileFormatError(
                f"{self.folder}: no rgb.txt and no N_depth.png, expected a sequence of TUM RGB-D, "
                f"or frames N.png with N_depth.png"
            )
        return tuple(
            (self.folder / f"{name}.png", self.folder / f"{name}_depth.png")
            for name in sorted(names, key=lambda name: (len(name), name))
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        frame, depth = self.files[index]
        image = read_image(frame)
        depth_m = fitting(read_depth_png(depth, steps_per_m=STEPS_PER_M), depth, image)
        return Sample(name=f"tum/{frame.stem}", image=image, inverse_depth=np.float32(1) / depth_m)

    def _associated(self) -> tuple[tuple[Path, Path], ...]:
        images, depths = (_read_list(self.folder / f"{kind}.txt") for kind in ("rgb", "depth"))
        seconds = np.array(list(depths))
        found = []
        for at_s, image in images.items():
            nearest_s = float(seconds[np.abs(seconds - at_s).argmin()])
            if abs(nearest_s - at_s) < MAX_APART_S:
                found.append((self.folder / image, self.folder / depths[nearest_s]))
        if not found:
            raise FileFormatError(
                f"{self.folder}: no line of rgb.txt is within {MAX_APART_S} s of one of depth.txt, "
                f"expected both of one sequence"
            )
        return tuple(found)


def _read_list(path: Path) -> dict[float, str]:
    """File by time in seconds."""
    expected = 'lines "seconds file"'
    lines = read_text(path, expected).splitlines()
    entries = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    try:
        found = {float(seconds): file for seconds, file in entries}
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}, expected {expected}") from error
    if not found:
        raise FileFormatError(f"{path}: no line in it, expected {expected}")
    return found
