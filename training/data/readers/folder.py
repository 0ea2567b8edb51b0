"""A user's own images with whatever truth there is, matched by name.

    images/NAME.jpg          .png, .ppm, .bmp, .webp, .tif too; sub-folders become part of NAME
    labels/NAME.png          8 bits, grey or palette: value = class, 255 = not counted
    depth/NAME.png           16 bits, value / depth_steps_per_m = m, 0 = unknown; or .npy, .pfm in m
    flow/NAME.flo            .flo, KITTI's 16-bit .png, .pfm (u v 0) or .flo5
    next_images/NAME.jpg     the second frame; without this folder, the image after NAME
    dataset.json             {"class_names": ["wall", "crack"], "depth_steps_per_m": 1000}

All but images/ is optional. labels/ needs class_names; 16-bit depth needs depth_steps_per_m. A
folder that is there must have a file for every image; flow/ and next_images/ alone may leave images
out, which then are second frames only. dataset.json may lie one folder higher, to serve train/ and
val/.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.file_formats import (
    FileFormatError,
    read_bytes,
    read_depth_png,
    read_flo,
    read_image,
    read_kitti_flow,
    read_npy,
    read_pfm,
    read_spring,
)
from training.data.labels import label_table, read_labels
from training.data.readers.reader import depth_or_unknown, fitting
from training.data.sample import Sample

IMAGES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".webp", ".tif", ".tiff")
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "images": IMAGES,
    "next_images": IMAGES,
    "labels": (".png", ".bmp", ".pgm", ".tif", ".tiff"),
    "depth": (".png", ".npy", ".pfm"),
    "flow": (".flo", ".png", ".pfm", ".flo5"),
}
NOTES = "dataset.json"


@dataclass(frozen=True, kw_only=True)
class Notes:
    """What the files cannot say: dataset.json."""

    class_names: tuple[str, ...] = ()
    """In label order."""
    depth_steps_per_m: float | None = None
    """What 16-bit depth is divided by."""
    depth_is: Literal["depth", "inverse_depth"] = "depth"
    """What depth/ holds. Inverse depth may have any unit: 1/m, or px of disparity."""
    far_m: float = 80.0
    """Depth beyond it is not scored."""

    def __post_init__(self) -> None:
        if len(set(self.class_names)) != len(self.class_names) or len(self.class_names) > 255:
            raise ValueError(f"class_names are {list(self.class_names)}, expected up to 255, once")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Images with the truth that lies beside them."""

    folder: Path
    _files: dict[str, dict[str, Path]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def notes(self) -> Notes:
        """From dataset.json here or one folder higher; defaults where there is none."""
        for place in (self.folder, self.folder.parent):
            if (place / NOTES).is_file():
                return read_notes(place / NOTES)
        return Notes()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the labels; empty where there are none, whatever dataset.json says."""
        return self.notes.class_names if self._in("labels") else ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the samples, sorted: of the flow files or second frames where there are any."""
        images = self._in("images")
        if not images:
            raise FileFormatError(
                f"{self.folder / 'images'}: no image, expected images/NAME.jpg (or .png, ...) with "
                f"labels/NAME.png, depth/NAME.png or flow/NAME.flo beside it"
            )
        chosen = self._in("flow") or self._in("next_images") or images
        for kind in ("flow", "next_images"):
            self._require("images", self._in(kind), f"{kind}/NAME")
        if self._in("flow"):
            for name in chosen:
                self._second(name)
        for kind in ("labels", "depth"):
            if self._in(kind):
                self._require(kind, chosen, "images/NAME")
        self._require_notes()
        return tuple(sorted(chosen, key=natural))

    def _require_notes(self) -> None:
        """The files that need a word in dataset.json have it."""
        if self._in("labels") and not self.notes.class_names:
            raise FileFormatError(
                f"{self.folder}: labels/ without class names, expected {NOTES} with "
                f'{{"class_names": ["name of class 0", "name of class 1", ...]}}'
            )
        pngs = [path for path in self._in("depth").values() if path.suffix.lower() == ".png"]
        if pngs and not self.notes.depth_steps_per_m:
            raise FileFormatError(
                f"{pngs[0]}: the scale of 16-bit depth is not stated, expected {NOTES} with "
                f'{{"depth_steps_per_m": 1000}} (1000: millimetres, 256: KITTI, 5000: TUM)'
            )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image = read_image(self._in("images")[name])
        pair = bool(self._in("flow") or self._in("next_images"))
        second = self._second(name) if pair else None
        return Sample(
            name=f"{self.folder.name}/{name}",
            image=image,
            next_image=None if second is None else fitting(read_image(second), second, image),
            labels=self._labels(name, image),
            inverse_depth=self._inverse_depth(name, image),
            flow=self._flow(name, image),
        )

    def _in(self, kind: str) -> dict[str, Path]:
        """Files of a sub-folder by name without ending."""
        if kind not in self._files:
            top = self.folder / kind
            found: dict[str, Path] = {}
            for file in sorted(top.rglob("*")):
                if file.suffix.lower() not in ENDINGS[kind]:
                    continue
                name = file.relative_to(top).with_suffix("").as_posix()
                if name in found:
                    raise FileFormatError(
                        f"{file}: {found[name].name} is there too, expected one file per name"
                    )
                found[name] = file
            if top.is_dir() and not found:
                raise FileFormatError(
                    f"{top}: no file in it, expected files that end in {' '.join(ENDINGS[kind])}: "
                    f"fill the folder or take it away"
                )
            self._files[kind] = found
        return self._files[kind]

    def _require(self, kind: str, names: Collection[str], what: str) -> None:
        missing = sorted(set(names) - set(self._in(kind)))
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise FileFormatError(
                f"{self.folder / kind / missing[0]}.*: no such file{more}, expected one for every "
                f"{what}, ending in one of {' '.join(ENDINGS[kind])}"
            )

    def _second(self, name: str) -> Path:
        """The frame that the flow leads to."""
        seconds = self._in("next_images")
        if seconds:
            if name not in seconds:
                self._require("next_images", (name,), "flow/NAME")
            return seconds[name]
        if name not in self._following:
            raise FileFormatError(
                f"{self._in('flow')[name]}: images/ has no image after {name}, expected the second "
                f"frame there or in next_images/"
            )
        return self._in("images")[self._following[name]]

    @cached_property
    def _following(self) -> dict[str, str]:
        """The image after each image of the same sub-folder."""
        order = sorted(self._in("images"), key=lambda name: (_parent(name), natural(name)))
        return {
            first: second
            for first, second in zip(order, order[1:], strict=False)
            if _parent(first) == _parent(second)
        }

    @cached_property
    def _table(self) -> NDArray[np.int16]:
        classes = {index: index for index in range(len(self.notes.class_names))}
        return label_table(classes, ignored=(IGNORE_INDEX,))

    def _labels(self, name: str, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        path = self._in("labels").get(name)
        return None if path is None else read_labels(path, self._table, image)

    def _inverse_depth(self, name: str, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        path = self._in("depth").get(name)
        if path is None:
            return None
        if path.suffix.lower() == ".png":
            assert self.notes.depth_steps_per_m is not None  # checked when the folder was opened
            values = read_depth_png(path, steps_per_m=self.notes.depth_steps_per_m)
        else:
            values = read_npy(path) if path.suffix.lower() == ".npy" else read_pfm(path)
        if values.ndim != 2:
            raise FileFormatError(f"{path}: {values.shape[2]} channels, expected one of depth")
        values = fitting(values, path, image)
        if self.notes.depth_is == "depth":
            return depth_or_unknown(values)
        # Zero is infinitely far; below zero there is nothing.
        return np.where(np.isfinite(values) & (values >= 0), values, np.float32(np.nan))

    def _flow(self, name: str, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        path = self._in("flow").get(name)
        return None if path is None else _read_flow(path, image)


def read_notes(path: Path) -> Notes:
    """What a dataset.json says.

    Raises:
        FileFormatError: no JSON, an unknown key, or a value that makes no sense.
    """
    known = [entry.name for entry in fields(Notes)]
    expected = f"a JSON object with some of {', '.join(known)}"
    try:
        values = json.loads(read_bytes(path, expected))
        if not isinstance(values, dict) or set(values) - set(known):
            raise ValueError(f"holds {sorted(values)}")
        if "class_names" in values:
            names = values["class_names"]
            # A word is a row of letters, and a table of names has an order of its own.
            if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
                raise ValueError(f"class_names is {names!r}, not a list of names in label order")
            values["class_names"] = tuple(names)
        for key in ("depth_steps_per_m", "far_m"):
            if key in values:
                values[key] = float(values[key])
                if not 0 < values[key] < float("inf"):
                    raise ValueError(f"{key} is {values[key]:g}")
        if values.get("depth_is") not in (None, "depth", "inverse_depth"):
            raise ValueError(f"depth_is is {values['depth_is']!r}, not depth or inverse_depth")
        return Notes(**values)
    except (ValueError, TypeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: {error}, expected {expected}") from error


def _read_flow(path: Path, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    ending = path.suffix.lower()
    if ending == ".flo":
        flow = read_flo(path)
    elif ending == ".png":
        flow = read_kitti_flow(path)
    elif ending == ".flo5":
        flow = read_spring(path, "flow")
        if flow.shape[0] == 2 * image.shape[0]:
            flow = flow[::2, ::2]  # Spring's truth is twice as fine as its frames
    else:
        flow = read_pfm(path)
        if flow.ndim != 3:
            raise FileFormatError(f"{path}: one channel, expected three: u, v and 0")
        flow = flow[..., :2]
    flow = np.array(fitting(flow, path, image), dtype=np.float32)
    flow[~np.isfinite(flow).all(axis=-1)] = np.nan
    return flow


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort by: frame_2 before frame_10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def _parent(name: str) -> str:
    return name.rpartition("/")[0]
