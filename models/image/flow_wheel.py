"""Optical flow as a picture: the colour wheel of the Middlebury benchmark.

The hue is the direction, the saturation the length: white stands still. Six transitions between
red, yellow, green, cyan, blue and magenta, each with as many steps as the eye tells apart there.

Source: Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, and
its colour key: right is red, down is yellow, left is cyan, up is blue-violet.
"""

import math

import numpy as np
from numpy.typing import NDArray

# (steps, colour at the start of the transition); the next row's colour is where it ends.
_TRANSITIONS = (
    (15, (255, 0, 0)),
    (6, (255, 255, 0)),
    (4, (0, 255, 0)),
    (11, (0, 255, 255)),
    (13, (0, 0, 255)),
    (6, (255, 0, 255)),
)


def flow_wheel() -> NDArray[np.float64]:
    """(55, 3) RGB in [0, 1] around the circle, from red."""
    rows = []
    for (steps, start), (_, end) in zip(
        _TRANSITIONS, _TRANSITIONS[1:] + _TRANSITIONS[:1], strict=True
    ):
        share = np.arange(steps)[:, None] / steps
        rows.append(np.array(start) * (1 - share) + np.array(end) * share)
    wheel: NDArray[np.float64] = np.concatenate(rows) / 255
    return wheel


def colour_flow(
    flow: NDArray[np.float32], *, full_length_px: float | None = None
) -> NDArray[np.uint8]:
    """Flow (h, w, 2) as RGB (h, w, 3). Unknown vectors (NaN, infinity) are black.

    Args:
        flow: in px, u right, v down.
        full_length_px: the length that is fully saturated; longer vectors are darker. By default
            the longest in this map, so colours of two maps compare only if it is given.
    """
    known: NDArray[np.bool_] = np.isfinite(flow[..., 0]) & np.isfinite(flow[..., 1])
    vectors = np.where(known[..., None], flow, 0.0).astype(np.float64)
    length = np.hypot(vectors[..., 0], vectors[..., 1])
    longest = float(length.max()) if full_length_px is None else full_length_px
    # A still pair has no longest vector: below a hundredth of a pixel everything stays white.
    radius = length / max(longest, 0.01)
    angle = np.arctan2(vectors[..., 1], vectors[..., 0]) / (2 * math.pi) % 1.0
    wheel = flow_wheel()
    position = angle * len(wheel)
    before = position.astype(np.int64) % len(wheel)
    share = (position - np.floor(position))[..., None]
    hue = wheel[before] * (1 - share) + wheel[(before + 1) % len(wheel)] * share
    saturated = 1 - np.minimum(radius, 1.0)[..., None] * (1 - hue)
    darkened = np.where((radius > 1.0 + 1e-9)[..., None], saturated * 0.75, saturated)
    picture = np.round(darkened * 255).astype(np.uint8)
    picture[~known] = 0
    return picture
