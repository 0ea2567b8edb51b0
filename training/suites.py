"""The data sets that `evaluate` scores, by task and key. None of them is trained on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from training.data.camvid import CamVid
from training.data.icl_nuim import IclNuim
from training.data.kitti2012 import Kitti2012
from training.data.middlebury2003 import Middlebury2003
from training.data.sample import Sample
from training.data.seven_scenes import SevenScenes
from training.data.sintel import Sintel
from training.data.tum import Tum


class Reader(Protocol):
    """A data set on disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One data set for one task."""

    key: str
    title: str
    open: Callable[[], Reader]
    far_m: float = 80.0
    """Depth beyond this is not counted, and answers are cut there: one wrong pixel of an indoor
    scene that counted as 80 m would outweigh all others."""
    quick_every: int = 1
    """With `--quick`, every n-th sample alone."""

    unit: str = "m"
    """Of depth."""

    @property
    def alignment(self) -> str:
        """How depth is scored here, for its table."""
        return f"scale and shift fitted, to {self.far_m:g} {self.unit}, rmse in {self.unit}"

    def open_samples(self, *, quick: bool) -> Iterator[Sample]:
        """Samples in the data set's own order; a missing data set is noticed at once.

        Raises:
            FileFormatError: the data set is not there.
        """
        reader = self.open()
        every = self.quick_every if quick else 1
        return (reader[index] for index in range(0, len(reader), every))


SEGMENTATION: Sequence[Suite] = (
    Suite(key="camvid", title="CamVid val", open=lambda: CamVid(split="val"), quick_every=8),
)

FLOW: Sequence[Suite] = (
    Suite(key="kitti2012", title="KITTI 2012", open=Kitti2012),
    Suite(key="sintel-clean", title="Sintel clean", open=lambda: Sintel(rendering="clean")),
    Suite(key="sintel-final", title="Sintel final", open=lambda: Sintel(rendering="final")),
    Suite(key="middlebury2003", title="Middlebury 2003 stereo", open=Middlebury2003),
    Suite(
        key="7scenes-flow",
        title="7-Scenes rigid, 4 frames apart",
        open=lambda: SevenScenes(gap=4, every=8),
        quick_every=5,
    ),
)

DEPTH: Sequence[Suite] = (
    Suite(key="tum", title="TUM RGB-D", open=Tum, far_m=10.0),
    Suite(key="icl_nuim", title="ICL-NUIM", open=IclNuim, far_m=10.0),
    Suite(
        key="7scenes",
        title="7-Scenes",
        open=lambda: SevenScenes(every=4),
        far_m=10.0,
        quick_every=4,
    ),
    Suite(key="kitti2012-depth", title="KITTI 2012", open=Kitti2012),
    # Its focal length and baseline are not published: the unit of depth is 1/px, far is 1 px.
    Suite(
        key="middlebury2003-depth",
        title="Middlebury 2003",
        open=Middlebury2003,
        far_m=1.0,
        unit="1/px",
    ),
)
