"""`python -m training data`: what a data set holds, and whether its files are in order."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.catalog import CATALOG, DataSet, open_data
from training.data.root import VARIABLE, data_root
from training.data.sample import Sample

MAX_SIZES = 5
"""Different image sizes are listed up to here."""


@dataclass(kw_only=True)
class Holdings:
    """What samples were found to hold."""

    num_read: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    truths: Counter[str] = field(default_factory=Counter)
    """Samples by the truth that they know; `image` and `pair` count them all."""
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    """Pixels by label."""
    known: dict[str, float] = field(default_factory=dict)
    """Pixels that know their depth, or flow, by name."""
    num_pixels: dict[str, float] = field(default_factory=dict)
    """Pixels of the samples that know any."""
    nearest_m: float = np.inf
    farthest_m: float = 0.0
    longest_px: float = 0.0

    def add(self, sample: Sample) -> None:
        """Count one sample."""
        self.num_read += 1
        self.sizes[sample.size] += 1
        self.truths["pairs" if sample.next_image is not None else "single images"] += 1
        if sample.labels is not None:
            self.truths["labels"] += 1
            self.classes += np.bincount(sample.labels.ravel(), minlength=256)
        if sample.inverse_depth is not None:
            known = np.isfinite(sample.inverse_depth)
            self._count("depth", known)
            if (sample.inverse_depth[known] > 0).any():
                near = sample.inverse_depth[known]
                self.nearest_m = min(self.nearest_m, float(1 / near.max()))
                self.farthest_m = max(self.farthest_m, float(1 / near[near > 0].min()))
        if sample.flow is not None:
            speed = np.linalg.norm(sample.flow, axis=-1)
            self._count("flow", np.isfinite(speed))
            if np.isfinite(speed).any():
                self.longest_px = max(self.longest_px, float(np.nanmax(speed)))
        if sample.occluded is not None:
            self.truths["occlusion"] += 1

    def _count(self, name: str, known: NDArray[np.bool_]) -> None:
        self.truths[name] += 1
        self.known[name] = self.known.get(name, 0.0) + float(known.sum())
        self.num_pixels[name] = self.num_pixels.get(name, 0.0) + known.size


def list_data(report: Callable[[str], None]) -> None:
    """A line for each data set of the catalogue."""
    report(f"data root: {data_root()} (set {VARIABLE} to change it)")
    for name, entry in CATALOG.items():
        kinds = ", ".join(f"{name}:{kind}" for kind in entry.kinds) or name
        place = ""
        if not entry.place:
            kinds = f"{name}:PATH"
        elif not (data_root() / entry.place).is_dir():
            place = f" (not there: {entry.place})"
        report(f"{kinds}\n    {entry.what}{place}")


def check_data(spec: str, *, num_samples: int, report: Callable[[str], None]) -> Holdings:
    """Read samples spread evenly over a data set, and say what they hold.

    Args:
        spec: a name of the catalogue.
        num_samples: at most so many; 0 for all.
        report: called with each line.

    Raises:
        CatalogError: an unknown name.
        FileFormatError: the first file that is missing or is not what it should be.
    """
    data = open_data(spec)
    number = min(num_samples or len(data), len(data))
    found = Holdings()
    for index in np.unique(np.linspace(0, len(data) - 1, number).round().astype(int)):
        found.add(data[int(index)])
    for line in describe(data, found):
        report(line)
    return found


def describe(data: DataSet, found: Holdings) -> list[str]:
    """The lines that a user reads."""
    read = "all read" if found.num_read == len(data) else f"{found.num_read} of them read"
    sizes = [f"{h}x{w} ({n})" for (h, w), n in found.sizes.most_common(MAX_SIZES)]
    more = "" if len(found.sizes) <= MAX_SIZES else f" and {len(found.sizes) - MAX_SIZES} more"
    truths = ", ".join(f"{name} {number}" for name, number in found.truths.items())
    lines = [
        f"{data.spec}: {len(data)} samples, {read}, no file is wrong",
        f"sizes (HxW): {', '.join(sizes)}{more}",
        f"samples: {truths}",
    ]
    if "depth" in found.known:
        lines.append(
            f"depth: known at {_percent(found, 'depth')} of the pixels, "
            f"{found.nearest_m:.4g} to {found.farthest_m:.4g} {_length(data.unit)}"
        )
    if "flow" in found.known:
        lines.append(
            f"flow: known at {_percent(found, 'flow')} of the pixels, up to "
            f"{found.longest_px:.4g} px"
        )
    if found.truths["labels"]:
        lines += _class_lines(data.class_names, found.classes)
    return lines


def _class_lines(names: tuple[str, ...], classes: NDArray[np.int64]) -> list[str]:
    labelled = int(classes[:IGNORE_INDEX].sum())
    width = max(len(name) for name in names)
    lines = [f"labels: {labelled / classes.sum():.1%} of the pixels, of {len(names)} classes"]
    for index, name in enumerate(names):
        share = classes[index] / max(labelled, 1)
        lines.append(f"  {index:3d} {name:{width}s} {share:8.3%}{'' if share else '  never'}")
    return lines


def _percent(found: Holdings, name: str) -> str:
    return f"{found.known[name] / found.num_pixels[name]:.1%}"


def _length(unit: str) -> str:
    return "m" if unit == "m" else f"in units of {unit}"
