"""Optical flow as a picture: the colour wheel of the Middlebury benchmark.

The hue is the direction, the saturation the length: white stands still. Six transitions between
red, yellow, green, cyan, blue and magenta, each with as many steps as the eye tells apart there.

Source: Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, and
its colour key: right is red, down is yellow, left is cyan, up is blue-violet.
"""

import math
from functools import cache

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
_ENDLESS_PX = 1e37  # the length of longer vectors leaves float32
_TURNS, _LENGTHS = 720, 257  # steps of the table: half a degree, less than one grey level


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


@cache
def _colours() -> NDArray[np.uint8]:
    """(turns * (lengths + 1), 3) RGB: direction, then length from 0 to full, then one darker.

    A table, because a picture has more pixels than distinct colours: ten times as fast.
    """
    wheel = flow_wheel()
    position = np.arange(_TURNS) * len(wheel) / _TURNS
    before = position.astype(np.int64)
    share = (position - before)[:, None]
    hue = wheel[before] * (1 - share) + wheel[(before + 1) % len(wheel)] * share
    radius = np.append(np.arange(_LENGTHS) / (_LENGTHS - 1), 1.0)[None, :, None]
    colours = 1 - radius * (1 - hue[:, None])
    colours[:, -1] *= 0.75
    return np.round(colours * 255).astype(np.uint8).reshape(-1, 3)


def colour_flow(
    flow: NDArray[np.float32], *, full_length_px: float | None = None
) -> NDArray[np.uint8]:
    """Flow (h, w, 2) as RGB (h, w, 3). Unknown vectors (NaN, infinity, 1e37 px and more) are black.

    Args:
        flow: in px, u right, v down.
        full_length_px: the length that is fully saturated; longer vectors are darker. By default
            the longest in this map, so colours of two maps compare only if it is given.
    """
    u, v = flow[..., 0], flow[..., 1]
    known: NDArray[np.bool_] = (np.abs(u) < _ENDLESS_PX) & (np.abs(v) < _ENDLESS_PX)
    u, v = np.where(known, u, np.float32(0)), np.where(known, v, np.float32(0))
    length = np.hypot(u, v)
    longest = float(length.max()) if full_length_px is None else full_length_px
    # A still pair has no longest vector: below a hundredth of a pixel everything stays white.
    radius = length / np.float32(max(longest, 0.01))
    turn = np.rint(np.arctan2(v, u) * np.float32(_TURNS / (2 * math.pi))).astype(np.int32) % _TURNS
    step = np.rint(np.minimum(radius, 1) * np.float32(_LENGTHS - 1)).astype(np.int32)
    step[radius > 1 + 1e-5] = _LENGTHS
    picture: NDArray[np.uint8] = _colours().take(turn * (_LENGTHS + 1) + step, axis=0)
    picture[~known] = 0
    return picture
