"""Every data set by name, so that recipes and commands say what they read as text.

NAME                      sintel, where there is one kind alone
NAME:KIND                 camvid:train, cityscapes:val, sintel:clean
NAME:KIND@FOLDER          the same data set in another place than below $ANYRES_DATA
folder:PATH               a user's own images and truth (training/data/readers/folder.py)
frames:PATH               a video, or a folder of frames, without truth
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.image.label_sets import ADE20K, CAMVID, CITYSCAPES
from training.data.file_formats import FileFormatError
from training.data.readers.ade20k import Ade20k
from training.data.readers.bdd100k import Bdd100k
from training.data.readers.camvid import CamVid
from training.data.readers.cityscapes import Cityscapes
from training.data.readers.diode import Diode
from training.data.readers.flying_chairs import FlyingChairs
from training.data.readers.flying_things import FlyingThings3D
from training.data.readers.folder import Folder
from training.data.readers.frames import open_frames
from training.data.readers.hd1k import Hd1k
from training.data.readers.icl_nuim import IclNuim
from training.data.readers.kitti2012 import Kitti2012
from training.data.readers.kitti2015 import Kitti2015
from training.data.readers.kitti_depth import KittiDepth
from training.data.readers.middlebury import Middlebury
from training.data.readers.middlebury2003 import Middlebury2003
from training.data.readers.nyuv2 import open_nyuv2
from training.data.readers.reader import Reader
from training.data.readers.seven_scenes import SevenScenes
from training.data.readers.sintel import Sintel
from training.data.readers.spring import Spring
from training.data.readers.tum import Tum
from training.data.root import VARIABLE, data_root
from training.data.sample import Sample


class CatalogError(ValueError):
    """A data set that is not known by that name."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the catalogue."""

    what: str
    open: Callable[[Any, Path], Reader]
    """Kind and folder to reader."""
    place: str = ""
    """Folder below the data root; empty: the name carries a path."""
    kinds: tuple[str, ...] = ()
    """Splits or renderings, of which one must be chosen where there are several."""
    class_names: tuple[str, ...] = ()
    far_m: float = 80.0
    """Depth beyond it is not scored."""
    unit: str = "m"
    """Of depth."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """An opened data set and what its samples mean."""

    spec: str
    reader: Reader
    class_names: tuple[str, ...]
    """Of its labels, in label order; empty where it has none."""
    far_m: float
    unit: str

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, index: int) -> Sample:
        return self.reader[index]


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Several data sets one after the other."""

    sets: tuple[DataSet, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Number of the first sample of each set, and at the end how many there are."""
        starts = [0]
        for part in self.sets:
            starts.append(starts[-1] + len(part))
        return tuple(starts)

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"{len(self)} samples, number {index} was asked for")
        part = bisect_right(self.starts, index) - 1
        return self.sets[part][index - self.starts[part]]


def _training(folder: Path) -> Path:
    """The archives of KITTI and Sintel hold their truth in `training`."""
    return folder / "training" if (folder / "training").is_dir() else folder


def _kitti2012(_: str, folder: Path) -> Kitti2012:
    whole = _training(folder)
    if (whole / "disp_occ").is_dir():
        return Kitti2012(flow_folder=whole, depth_folder=whole)
    return Kitti2012(flow_folder=whole)


def _flying_things(kind: str, folder: Path) -> FlyingThings3D:
    rendering, _, part = kind.partition("-")
    return FlyingThings3D(
        rendering="cleanpass" if rendering == "clean" else "finalpass",
        split="TEST" if part == "test" else "TRAIN",
        direction="into_past" if part == "past" else "into_future",
        folder=folder,
    )


def _seven_scenes(kind: str, folder: Path) -> SevenScenes:
    if kind == "flow":
        return SevenScenes(gap=4, every=8, folder=folder)
    return SevenScenes(every=4, folder=folder)


CATALOG: dict[str, Entry] = {
    "camvid": Entry(
        what="road scenes with labels",
        place="camvid",
        kinds=("train", "val", "test"),
        open=lambda kind, folder: CamVid(split=kind, folder=folder),
        class_names=CAMVID.class_names,
    ),
    "cityscapes": Entry(
        what="road scenes with labels",
        place="cityscapes",
        kinds=("train", "val"),
        open=lambda kind, folder: Cityscapes(split=kind, folder=folder),
        class_names=CITYSCAPES.class_names,
    ),
    "bdd100k": Entry(
        what="road scenes with labels, by day and night",
        place="bdd100k",
        kinds=("train", "val"),
        open=lambda kind, folder: Bdd100k(split=kind, folder=folder),
        class_names=CITYSCAPES.class_names,
    ),
    "ade20k": Entry(
        what="any scene with labels of 150 classes",
        place="ade20k",
        kinds=("training", "validation"),
        open=lambda kind, folder: Ade20k(split=kind, folder=folder),
        class_names=ADE20K.class_names,
    ),
    "nyuv2": Entry(
        what="rooms with depth",
        place="nyuv2",
        kinds=("train", "test"),
        open=open_nyuv2,
        far_m=10.0,
    ),
    "kitti_depth": Entry(
        what="road scenes with laser depth",
        place="kitti_depth",
        kinds=("train", "val", "selection"),
        open=lambda kind, folder: KittiDepth(split=kind, folder=folder),
    ),
    "diode": Entry(
        what="rooms and streets with laser depth; any folder of NAME.png with NAME_depth.npy",
        place="diode",
        kinds=("all", "train", "val", "val/indoors", "val/outdoor"),
        open=lambda kind, folder: Diode(part="" if kind == "all" else kind, folder=folder),
        far_m=300.0,
    ),
    "tum": Entry(
        what="a room with depth",
        place="depth/tum",
        open=lambda _, folder: Tum(folder=folder),
        far_m=10.0,
    ),
    "icl_nuim": Entry(
        what="a rendered room with depth",
        place="depth/icl_nuim",
        open=lambda _, folder: IclNuim(folder=folder),
        far_m=10.0,
    ),
    "7scenes": Entry(
        what="rooms with depth; flow: pairs of a rigid scene, 4 frames apart",
        place="depth/7scenes",
        kinds=("depth", "flow"),
        open=_seven_scenes,
        far_m=10.0,
    ),
    "flying_chairs": Entry(
        what="layered pairs with flow",
        place="flying_chairs",
        kinds=("train", "val"),
        open=lambda kind, folder: FlyingChairs(split=kind, folder=folder),
    ),
    "flying_things": Entry(
        what="rendered pairs with flow; past: to the frame before",
        place="flying_things",
        kinds=("clean", "final", "clean-past", "final-past", "clean-test", "final-test"),
        open=_flying_things,
    ),
    "sintel": Entry(
        what="pairs of a rendered film with flow",
        place="flow/sintel",
        kinds=("clean", "final"),
        open=lambda kind, folder: Sintel(rendering=kind, folder=_training(folder)),
    ),
    "kitti2012": Entry(
        what="road pairs with flow and depth, grey", place="flow/kitti2012", open=_kitti2012
    ),
    "kitti2015": Entry(
        what="road pairs with flow and depth, moving cars",
        place="kitti2015",
        open=lambda _, folder: Kitti2015(folder=_training(folder)),
    ),
    "spring": Entry(
        what="full-HD pairs of a rendered film with flow and depth",
        place="spring",
        kinds=("left", "right", "left-past", "right-past"),
        open=lambda kind, folder: Spring(
            camera=kind.partition("-")[0],
            direction="BW" if kind.endswith("past") else "FW",
            folder=folder,
        ),
    ),
    "hd1k": Entry(
        what="road pairs with flow, grey",
        place="hd1k",
        open=lambda _, folder: Hd1k(folder=folder),
    ),
    "middlebury": Entry(
        what="pairs with flow, real and rendered",
        place="flow/middlebury",
        open=lambda _, folder: Middlebury(folder=folder),
    ),
    # Its focal length and baseline are not published: the unit of depth is 1/px, far is 1 px.
    "middlebury2003": Entry(
        what="stereo pairs with flow and depth of unknown unit",
        place="depth/middlebury2003",
        open=lambda _, folder: Middlebury2003(folder=folder),
        far_m=1.0,
        unit="1/px",
    ),
    "folder": Entry(
        what="your own images with labels/, depth/ or flow/ beside them",
        open=lambda _, folder: Folder(folder=folder),
    ),
    "frames": Entry(
        what="a video, or a folder of frames, as pairs without truth",
        open=lambda _, folder: open_frames(folder),
    ),
}


def open_data(spec: str) -> DataSet:
    """A data set by what the catalogue calls it.

    Raises:
        CatalogError: no such name or kind.
        FileFormatError: the data set is not there, or not what it should be.
    """
    entry, kind, folder = _parse(spec)
    if not folder.exists():
        elsewhere = "" if not entry.place else f", or say where: {spec.partition('@')[0]}@FOLDER"
        raise FileFormatError(
            f"{spec}: {folder} is not there, expected {entry.what}: put it there{elsewhere} "
            f"(${VARIABLE} is {data_root()})"
        )
    reader = entry.open(kind, folder)
    class_names, far_m, unit = entry.class_names, entry.far_m, entry.unit
    if isinstance(reader, Folder):
        class_names, far_m = reader.class_names, reader.notes.far_m
        unit = unit if reader.notes.depth_is == "depth" else "1/unit"
    return DataSet(spec=spec, reader=reader, class_names=class_names, far_m=far_m, unit=unit)


def open_all(specs: Sequence[str]) -> Joined:
    """Several data sets as one. A set that is named twice counts twice."""
    return Joined(sets=tuple(open_data(spec) for spec in specs))


def _parse(spec: str) -> tuple[Entry, str, Path]:
    name, _, rest = spec.partition("@")[0].partition(":")
    entry = CATALOG.get(name)
    if entry is None:
        raise CatalogError(
            f"no data set is called {name!r}, expected one of {', '.join(CATALOG)}; "
            f"your own images are folder:PATH"
        )
    if not entry.place:
        path = spec.partition(":")[2]
        if not path:
            raise CatalogError(f"{spec!r} names no place, expected {name}:PATH")
        return entry, "", Path(path).expanduser()
    kind = rest or (entry.kinds[0] if len(entry.kinds) == 1 else "")
    if kind not in (entry.kinds or ("",)):
        choices = ", ".join(f"{name}:{kind}" for kind in entry.kinds) or name
        raise CatalogError(f"{spec!r} is no part of {name}, expected {choices}")
    place = spec.partition("@")[2]
    return entry, kind, Path(place).expanduser() if place else data_root() / entry.place
