"""Pictures of truth, answer and error, side by side comparable: one scale for both.

Axes: h w pixels.
"""

import numpy as np
from numpy.typing import NDArray

from models.image.flow_wheel import colour_flow
from models.image.overlay import blend
from models.image.palette import Palette, colour_labels
from models.image.turbo import turbo_table
from models.task import IGNORE_INDEX

UNKNOWN_GREY = 0x60
WRONG = (0xE5, 0x2B, 0x50)
OVERLAY = 0.6


def draw_labels(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], palette: Palette
) -> NDArray[np.uint8]:
    """(h, w, 3) class colours over the image; not labelled is black."""
    return blend(image, colour_labels(labels, palette), opacity=OVERLAY)


def draw_wrong(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], target: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """(h, w, 3) red where the labels differ, on the greyed image; dark where not labelled."""
    grey = np.broadcast_to(image.mean(axis=2, keepdims=True), image.shape).astype(np.uint8)
    colours = np.full_like(image, 255)
    colours[labels != target] = WRONG
    colours[(labels == IGNORE_INDEX) | (target == IGNORE_INDEX)] = 0
    return blend(grey, colours, opacity=OVERLAY)


def depth_span(truth: NDArray[np.float32]) -> tuple[float, float]:
    """The inverse depths that the colours span: the 1st and the 99th percentile of what is known.

    Nothing known: 0 and 1.
    """
    known = truth[np.isfinite(truth)]
    if not known.size:
        return 0.0, 1.0
    low, high = np.percentile(known, (1.0, 99.0)).tolist()
    return low, high


def draw_depth(inverse_depth: NDArray[np.float32], span: tuple[float, float]) -> NDArray[np.uint8]:
    """(h, w, 3) red is near, blue is far, grey is unknown; beyond the span the colours stay."""
    low, high = span
    return _by_table(inverse_depth, turbo_table(), low, high)


def flow_length_px(truth: NDArray[np.float32]) -> float:
    """The length that is drawn in full colour: the 99th percentile of the known ones, px."""
    length = np.linalg.norm(truth[np.isfinite(truth).all(axis=-1)], axis=-1)
    return max(float(np.percentile(length, 99.0)), 0.1) if length.size else 1.0


def draw_flow(flow: NDArray[np.float32], full_length_px: float) -> NDArray[np.uint8]:
    """(h, w, 3) hue is the direction, saturation the length; grey is unknown."""
    picture = colour_flow(flow, full_length_px=full_length_px)
    picture[~np.isfinite(flow).all(axis=-1)] = UNKNOWN_GREY
    return picture


def draw_error(error: NDArray[np.float32], full: float) -> NDArray[np.uint8]:
    """(h, w, 3) black is none, then red, yellow, and white from `full` on; grey is unknown."""
    return _by_table(error, _hot_table(), 0.0, full)


def _by_table(
    values: NDArray[np.float32], table: NDArray[np.uint8], low: float, high: float
) -> NDArray[np.uint8]:
    known = np.isfinite(values)
    share = (np.where(known, values, low) - low) / max(high - low, 1e-12)
    index = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    picture: NDArray[np.uint8] = table.take(index, axis=0)
    picture[~known] = UNKNOWN_GREY
    return picture


def _hot_table() -> NDArray[np.uint8]:
    """(256, 3) RGB: red rises over the first third, green over the second, blue over the last."""
    steps = np.linspace(0, 3, 256)[:, None] - np.arange(3)
    return np.rint(np.clip(steps, 0, 1) * 255).astype(np.uint8)
