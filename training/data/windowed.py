"""Win-Win's windows of a sample, and smaller ones of windows that were rendered.

Axes: n windows, h w pixels.
"""

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.windows import STRIDE
from training.data.augment import crop, scale
from training.data.next_windows import follow_motion, lead_astray
from training.data.sample import Cut, Sample
from training.data.win_win import (
    WindowError,
    WindowShape,
    cut,
    draw_canvas,
    sample_windows,
    without_border,
)
from training.recipe import WindowConfig

MAX_ENLARGED = 4.0
"""Of an image's sides: beyond, a window shows nothing but blur. Rendered canvases reach 4K."""
MAX_STRETCH = 0.1
"""How much more an image is enlarged along one axis than along the other, in logs."""
T = TypeVar("T", bound=np.generic)


def windows_of(
    rng: np.random.Generator, sample: Sample, config: WindowConfig, shape: WindowShape
) -> Cut:
    """Windows of a canvas of random size and aspect, filled by a piece of the sample."""
    height, width = sample.size
    canvas = draw_canvas(
        rng, config, shape=shape, stride=STRIDE, most_px=height * width * MAX_ENLARGED**2
    )
    aspect = canvas[1] / canvas[0] * math.exp(rng.uniform(-MAX_STRETCH, MAX_STRETCH))
    piece = max(min(height, round(width / aspect)), 1), max(min(width, round(height * aspect)), 1)
    origin = int(rng.integers(height - piece[0] + 1)), int(rng.integers(width - piece[1] + 1))
    whole = scale(crop(sample, origin, piece), canvas)
    return without_border(place_windows(rng, whole, config, shape), config.border_px)


def place_windows(
    rng: np.random.Generator, canvas: Sample, config: WindowConfig, shape: WindowShape
) -> Cut:
    """Windows of a sample as it is, the second frame's where the first's move to."""
    size = (shape.side, shape.side)
    origins = sample_windows(
        rng, canvas=canvas.size, side=shape.side, num_windows=config.num_windows, stride=STRIDE
    )
    first = cut(canvas, origins, size)
    if canvas.next_image is None:
        return first
    following = next_origins(rng, first, config, shape)
    return cut(canvas, origins, size, following, (shape.next_side, shape.next_side))


def next_origins(
    rng: np.random.Generator, first: Cut, config: WindowConfig, shape: WindowShape
) -> NDArray[np.int64]:
    """Where the second frame's windows of a canvas start."""
    followed = follow_motion(
        rng, first, side=shape.next_side, stride=STRIDE, jitter_px=config.jitter_px
    )
    return lead_astray(
        rng,
        followed,
        canvas=first.canvas,
        side=shape.next_side,
        stride=STRIDE,
        share=config.unmatched_share,
    )


def smaller(
    rng: np.random.Generator, windows: Cut, config: WindowConfig, shape: WindowShape
) -> Cut:
    """A smaller square of every window, at random; in the second frame the one that follows it.

    A window of the second frame that shows nothing of the first's stays one.

    Raises:
        WindowError: a window is smaller than what should be cut from it.
    """
    side, second = windows.image.shape[1], windows.next_image
    next_side = shape.next_side if second is None else second.shape[1]
    if side < shape.side or next_side < shape.next_side:
        raise WindowError(
            f"windows of {side} px, and of {next_side} px in the second frame, came, expected at "
            f"least {shape.side} and {shape.next_side}: render larger ones"
        )
    n = len(windows.origins)
    shift = rng.integers(0, (side - shape.side) // STRIDE + 1, (n, 2)) * STRIDE

    def take(x: NDArray[T]) -> NDArray[T]:
        return _squares(x, shift, shape.side)

    first = replace(
        windows,
        origins=windows.origins + shift,
        image=take(windows.image),
        labels=None if windows.labels is None else take(windows.labels),
        inverse_depth=None if windows.inverse_depth is None else take(windows.inverse_depth),
        flow=None if windows.flow is None else take(windows.flow),
        occluded=None if windows.occluded is None else take(windows.occluded),
    )
    if second is None or windows.next_origins is None:
        return without_border(first, config.border_px)
    low = windows.next_origins
    following = follow_motion(
        rng,
        first,
        side=shape.next_side,
        stride=STRIDE,
        jitter_px=config.jitter_px,
        within=(low, low + (next_side - shape.next_side)),
    )
    moved = replace(
        first,
        next_origins=following,
        next_image=_squares(second, following - low, shape.next_side),
    )
    return without_border(moved, config.border_px)


def _squares(x: NDArray[T], corners: NDArray[np.int64], side: int) -> NDArray[T]:
    return np.stack(
        [one[y : y + side, z : z + side] for one, (y, z) in zip(x, corners, strict=True)]
    )
