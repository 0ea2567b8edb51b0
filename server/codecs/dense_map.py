"""One map of an answer, with the words that say what its numbers mean.

The words do not depend on the form that the map is sent in; dtype, scale and offset do, and are
added where it takes that form. Axes: h w pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, DepthOutput
from models.task import IGNORE_INDEX, Task

NOT_FINITE = "not finite"
"""The invalid value of float maps: NaN, and infinity as well."""

_HALF_INFINITY = 0x7C00  # of float16, as bits; above are NaN and all that is negative


@dataclass(frozen=True, kw_only=True)
class MapRange:
    """What is in a map. Safe for maps without any value."""

    least: float | None
    """Of the values that are there; None where there are none."""
    greatest: float | None
    num_unknown: int
    """Pixels without a value."""
    is_constant: bool
    """Every value is the same, or there is none: little was seen."""

    @property
    def words(self) -> dict[str, object]:
        """Fit for JSON."""
        return {
            "least": self.least,
            "greatest": self.greatest,
            "unknown_pixels": self.num_unknown,
            "constant": self.is_constant,
        }


@dataclass(frozen=True, kw_only=True)
class DenseMap:
    """A value, or a vector, for each pixel of an image."""

    name: str
    """As the graphs name it: "labels", "depth_uncertainty", ..."""
    task: Task
    values: NDArray[Any]
    """(h, w) or, of flow, (h, w, 2)."""
    words: Mapping[str, object]
    """Fit for JSON."""

    @cached_property
    def range(self) -> MapRange:
        """Looks at every pixel, once."""
        if self.values.dtype == np.uint8:
            return _range_of_labels(self.values)
        return range_of(self.values)

    @property
    def oddity(self) -> Literal["unknown", "constant"] | None:
        """What is suspicious about a well-formed map. One class all over an image is nothing."""
        if self.range.num_unknown:
            return "unknown"
        height, width = self.values.shape[:2]
        is_plain = self.range.is_constant and height * width > 1
        return "constant" if is_plain and self.name != "labels" else None


def range_of(values: NDArray[Any]) -> MapRange:
    """Of floats (h, w), or vectors (h, w, 2), which are unknown if a part of them is."""
    # Least and greatest hand on NaN and infinity: where both are finite, everything is.
    least, greatest = _extremes(values)
    if np.isfinite(least) and np.isfinite(greatest):
        flat = values.reshape(-1, *values.shape[2:])
        return MapRange(
            least=least, greatest=greatest, num_unknown=0, is_constant=_is_constant(flat)
        )
    known = known_pixels(values)
    return _range_of_known(values[known], num_pixels=known.size)


def _extremes(values: NDArray[Any]) -> tuple[float, float]:
    if values.dtype == np.float16:
        # NumPy compares halves twenty times slower than integers, and positive ones lie in the
        # order of their bits. Confidence and uncertainty are positive.
        bits = values.view(np.uint16)
        if int(bits.max()) < _HALF_INFINITY:
            ends = np.array([bits.min(), bits.max()], dtype=np.uint16).view(np.float16)
            return float(ends[0]), float(ends[1])
    return float(values.min()), float(values.max())


def _range_of_known(there: NDArray[Any], *, num_pixels: int) -> MapRange:
    return MapRange(
        least=float(there.min()) if there.size else None,
        greatest=float(there.max()) if there.size else None,
        num_unknown=num_pixels - len(there),
        is_constant=_is_constant(there),
    )


def _is_constant(there: NDArray[Any]) -> bool:
    """Whether all values, or vectors, along the first axis are equal."""
    # Nearly always the first few differ, and the rest need not be looked at.
    return all(bool((part == there[:1]).all()) for part in (there[:1000], there))


def known_pixels(values: NDArray[Any]) -> NDArray[np.bool_]:
    """(h, w): where there is a value."""
    known: NDArray[np.bool_] = np.isfinite(values)
    return known[..., 0] & known[..., 1] if known.ndim == 3 else known


def _range_of_labels(labels: NDArray[np.uint8]) -> MapRange:
    least, greatest = float(labels.min()), float(labels.max())
    if greatest == IGNORE_INDEX:
        return _range_of_known(labels[labels != IGNORE_INDEX], num_pixels=labels.size)
    return MapRange(least=least, greatest=greatest, num_unknown=0, is_constant=least == greatest)


def labels_map(labels: NDArray[np.uint8], bundle: Bundle) -> DenseMap:
    """Class indices."""
    words = {
        "task": Task.SEGMENTATION.value,
        "unit": "class index",
        "invalid": IGNORE_INDEX,
        "classes": list(bundle.class_names),
        "palette": [list(colour) for colour in bundle.palette],
    }
    return DenseMap(name="labels", task=Task.SEGMENTATION, values=labels, words=words)


def depth_map(depth: NDArray[np.float32], output: DepthOutput) -> DenseMap:
    """Depth in the convention that `output` names."""
    words = {
        "task": Task.DEPTH.value,
        "convention": output.convention,
        "unit": output.unit,
        "near_is_large": output.near_is_large,
        "invalid": NOT_FINITE,
    }
    return DenseMap(name="depth", task=Task.DEPTH, values=depth, words=words)


def flow_map(flow: NDArray[np.float32]) -> DenseMap:
    """Motion from image to next_image."""
    words = {
        "task": Task.FLOW.value,
        "unit": "px",
        "direction": "u right, v down, from image to next_image",
        "channels": ["u", "v"],
        "invalid": NOT_FINITE,
    }
    return DenseMap(name="flow", task=Task.FLOW, values=flow, words=words)


def confidence_map(confidence: NDArray[np.float16]) -> DenseMap:
    """How probable the label is."""
    words = {
        "task": Task.SEGMENTATION.value,
        "of": "labels",
        "unit": "probability",
        "higher_is": "better",
        "invalid": NOT_FINITE,
    }
    return DenseMap(name="label_confidence", task=Task.SEGMENTATION, values=confidence, words=words)


def uncertainty_map(uncertainty: NDArray[Any], *, of: DenseMap) -> DenseMap:
    """The error that the model expects of depth or flow, in the map's own unit."""
    words = {
        "task": of.task.value,
        "of": of.name,
        "unit": of.words["unit"],
        "higher_is": "worse",
        "invalid": NOT_FINITE,
    }
    return DenseMap(name=f"{of.name}_uncertainty", task=of.task, values=uncertainty, words=words)
