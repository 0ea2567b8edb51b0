"""HD1K: road pairs of 1080x2560, flow with its uncertainty from laser scans (Kondermann 2016).

    hd1k_input/image_2/SSSSSS_FFFF.png         frames, grey
    hd1k_flow_gt/flow_occ/SSSSSS_FFFF.png      to frame FFFF + 1; KITTI's encoding, third channel
                                               not 0 where known

CC BY-NC-SA 4.0.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from training.data.file_formats import FileFormatError, read_image, read_kitti_flow
from training.data.readers.reader import fitting
from training.data.root import data_root
from training.data.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Hd1k:
    """Pairs with flow."""

    folder: Path = field(default_factory=lambda: data_root() / "hd1k")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """SEQUENCE_FRAME of every flow file that has a next frame, sorted."""
        folder = self.folder / "hd1k_flow_gt" / "flow_occ"
        stems = sorted(file.stem for file in folder.glob("*_*.png"))
        # A sequence's last frame has a flow file too, and nothing that it could lead to.
        names = tuple(stem for stem in stems if self._frame(_next(stem)).is_file())
        if not names:
            raise FileFormatError(
                f"{folder}: no SSSSSS_FFFF.png whose next frame is in hd1k_input/image_2, "
                f"expected HD1K's hd1k_flow_gt and hd1k_input side by side"
            )
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        path = self.folder / "hd1k_flow_gt" / "flow_occ" / f"{name}.png"
        image = read_image(self._frame(name))
        following = self._frame(_next(name))
        return Sample(
            name=f"hd1k/{name}",
            image=image,
            next_image=fitting(read_image(following), following, image),
            flow=fitting(read_kitti_flow(path), path, image),
        )

    def _frame(self, name: str) -> Path:
        return self.folder / "hd1k_input" / "image_2" / f"{name}.png"


def _next(name: str) -> str:
    """000003_0014 -> 000003_0015."""
    sequence, frame = name.rsplit("_", 1)
    return f"{sequence}_{int(frame) + 1:0{len(frame)}d}"
