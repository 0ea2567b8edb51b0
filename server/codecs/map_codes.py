"""Maps as integers for PNG files, with the words that say how to read them back.

value = scale * code + offset, in the given unit, except where the code says "no value".
Axes: h w pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, DepthOutput
from models.image.palette import colour_table
from models.task import IGNORE_INDEX
from server.codecs.png import write_png

KITTI_FLOW_SCALE_PX = 1 / 64  # KITTI 2012 and 2015 development kit: u = (code - 2^15) / 64
KITTI_FLOW_OFFSET_PX = -512.0


@dataclass(frozen=True, kw_only=True)
class CodedMap:
    """Integers, and what they mean."""

    codes: NDArray[np.uint8] | NDArray[np.uint16]
    meta: Mapping[str, object]
    """Fit for JSON."""
    palette: NDArray[np.uint8] | None = None

    def png(self, shared_meta: Mapping[str, object]) -> bytes:
        """The map as a PNG file that carries both."""
        return write_png(self.codes, palette=self.palette, meta={**shared_meta, **self.meta})


def code_labels(labels: NDArray[np.uint8], bundle: Bundle) -> CodedMap:
    """Class indices (h, w), shown in the bundle's colours."""
    meta = {
        "task": "segmentation",
        "dtype": "uint8",
        "shape": list(labels.shape),
        "unit": "class index",
        "scale": 1,
        "offset": 0,
        "invalid": IGNORE_INDEX,
        "classes": list(bundle.class_names),
        "palette": [list(colour) for colour in bundle.palette],
    }
    return CodedMap(codes=labels, meta=meta, palette=colour_table(bundle.palette))


def code_depth(depth: NDArray[np.float32], output: DepthOutput) -> CodedMap:
    """Depth (h, w) in 16 bits: 1 is this map's least value, 65535 its greatest, 0 is unknown."""
    known = np.isfinite(depth)
    low, high = known_range(depth)
    scale = (high - low) / 65534
    codes = np.ones(depth.shape, dtype=np.uint16)  # stays so where all values are equal
    if high > low:
        values: NDArray[Any] = np.where(known, depth, low)
        if high - low > 1e38:  # the difference overflows float32; else float64 is twice as slow
            values = values.astype(np.float64)
        codes += np.rint((values - low) / (high - low) * 65534).astype(np.uint16)
    codes[~known] = 0
    meta = {
        **describe_depth(output),
        "dtype": "uint16",
        "shape": list(depth.shape),
        "scale": scale,
        "offset": low - scale,
        "invalid": 0,
    }
    return CodedMap(codes=codes, meta=meta)


def code_flow(flow: NDArray[np.float32]) -> CodedMap:
    """Flow (h, w, 2) as KITTI writes it: red u, green v, blue 1 where there is a value.

    Vectors beyond +-512 px do not fit the format and count as unknown.
    """
    u, v = flow[..., 0], flow[..., 1]
    longest = float(np.float32(511.98))
    known = (np.abs(u) <= longest) & (np.abs(v) <= longest)  # false for NaN
    codes = np.zeros((*flow.shape[:2], 3), dtype=np.uint16)
    for channel, part in enumerate((u, v)):
        levels = np.where(known, part, 0.0) * np.float32(64) + np.float32(32768)
        codes[..., channel] = np.where(known, np.rint(levels), 0)
    codes[..., 2] = known
    meta = {
        **describe_flow(),
        "dtype": "uint16",
        "shape": list(codes.shape),
        "channels": ["u", "v", "known"],
        "scale": KITTI_FLOW_SCALE_PX,
        "offset": KITTI_FLOW_OFFSET_PX,
        "invalid": "known is 0",
    }
    return CodedMap(codes=codes, meta=meta)


def describe_depth(output: DepthOutput) -> dict[str, object]:
    """What the numbers of a depth map mean, whatever they are stored in."""
    return {
        "task": "depth",
        "convention": output.convention,
        "unit": output.unit,
        "near_is_large": output.near_is_large,
    }


def describe_flow() -> dict[str, object]:
    """What the numbers of a flow map mean, whatever they are stored in."""
    return {
        "task": "flow",
        "unit": "px",
        "direction": "u right, v down, from image to next_image",
    }


def known_range(values: NDArray[np.float32]) -> tuple[float, float]:
    """Least and greatest finite value; (0, 0) if there is none."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
