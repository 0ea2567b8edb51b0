"""The data sets that `evaluate` scores, by task and key. None of them is trained on."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.task import CLASS_NAMES, Task
from training.data.catalog import open_data
from training.data.readers.camvid import CamVid
from training.data.readers.icl_nuim import IclNuim
from training.data.readers.kitti2012 import Kitti2012
from training.data.readers.middlebury2003 import Middlebury2003
from training.data.readers.reader import Reader
from training.data.readers.seven_scenes import SevenScenes
from training.data.readers.sintel import Sintel
from training.data.readers.spring import Spring
from training.data.readers.tum import Tum
from training.data.sample import Sample


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
    range_edges: tuple[float, ...] | None = None
    """Where the bins of the depth error by range begin and end; by default shares of `far_m`."""
    class_names: tuple[str, ...] = CLASS_NAMES
    """Of the labels."""
    is_clip: bool = False
    """Consecutive samples are consecutive frames of one video."""

    @property
    def alignment(self) -> str:
        """How depth is scored here, for its table."""
        return f"scale and shift fitted, to {self.far_m:g} {self.unit}, rmse in {self.unit}"

    @property
    def depth_edges(self) -> tuple[float, ...]:
        """Of the bins of the depth error by range."""
        shares = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
        return self.range_edges or (*(share * self.far_m for share in shares), math.inf)

    def open_samples(self, *, quick: bool) -> Iterator[Sample]:
        """Samples in the data set's own order; a missing data set is noticed at once.

        Raises:
            FileFormatError: the data set is not there.
        """
        reader = self.open()
        every = self.quick_every if quick else 1
        return (reader[index] for index in range(0, len(reader), every))

    def open_clip(self, *, quick: bool) -> Iterator[tuple[Sample | None, Sample]]:
        """Each sample after the frame before it, which the first one lacks.

        Raises:
            FileFormatError: the data set is not there.
        """
        reader = self.open()
        every = self.quick_every if quick else 1

        def frames() -> Iterator[tuple[Sample | None, Sample]]:
            last: Sample | None = None
            for index in range(0, len(reader), every):
                if index and every > 1:
                    last = reader[index - 1]
                sample = reader[index]
                yield last, sample
                last = sample

        return frames()


QUICK_SAMPLES = 20
"""Of a data set that is named by the user, with `--quick`."""
CLIPS = ("camvid:val",)
"""Names of the catalogue whose samples are the frames of one video."""

SEGMENTATION: Sequence[Suite] = (
    Suite(
        key="camvid",
        title="CamVid val",
        open=lambda: CamVid(split="val"),
        quick_every=8,
        is_clip=True,
    ),
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
        range_edges=(0.0, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, math.inf),
    ),
)

SUITES: Mapping[Task, Sequence[Suite]] = {
    Task.SEGMENTATION: SEGMENTATION,
    Task.FLOW: FLOW,
    Task.DEPTH: DEPTH,
}


def suites_of(specs: Sequence[str]) -> dict[Task, list[Suite]]:
    """Data sets by the names of the catalogue, for each task that their samples know the truth of.

    Raises:
        CatalogError: an unknown name.
        FileFormatError: a data set is missing or broken.
        ValueError: one has no truth at all.
    """
    suites: dict[Task, list[Suite]] = {task: [] for task in SUITES}
    for spec in specs:
        data = open_data(spec)
        reader = data.reader
        if isinstance(reader, Spring):
            reader = reader.for_benchmark()
        first = data[0]
        truths = {
            Task.SEGMENTATION: first.labels,
            Task.FLOW: first.flow,
            Task.DEPTH: first.inverse_depth,
        }
        known = [task for task, truth in truths.items() if truth is not None]
        if not known:
            raise ValueError(f"{spec} has no labels, depth or flow, expected some to score against")
        for task in known:
            suites[task].append(
                Suite(
                    key=spec,
                    title=spec,
                    open=lambda reader=reader: reader,  # type: ignore[misc]
                    far_m=data.far_m,
                    unit=data.unit,
                    class_names=data.class_names,
                    quick_every=max(len(data) // QUICK_SAMPLES, 1),
                    is_clip=spec in CLIPS,
                )
            )
    return suites
