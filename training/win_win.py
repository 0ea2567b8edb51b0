"""Win-Win's windows: a few squares of a large canvas stand for all of it in training.

Source: Win-Win (arXiv 2310.00632), section 3: random squares that do not overlap, two of them best;
tokens outside are dropped, not masked; at test one plain forward pass. For flow the second frame's
windows are the first's, moved by their median motion (section 3.3).

Axes: n windows, h w pixels.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from training.data.sample import Cut, Sample

MAX_TRIES = 200
T = TypeVar("T", bound=np.generic)


class WindowError(ValueError):
    """Windows that do not fit their canvas."""


def sample_windows(
    rng: np.random.Generator, *, canvas: tuple[int, int], side: int, num_windows: int, stride: int
) -> NDArray[np.int64]:
    """Top-left corners (n, 2) of equal squares that do not overlap, uniformly over the canvas.

    Args:
        rng: source of chance.
        canvas: (height, width) in pixels.
        side: of each window in pixels, a multiple of the stride.
        num_windows: how many.
        stride: corners are multiples of it.

    Raises:
        WindowError: the windows cannot be placed.
    """
    free = [(length - side) // stride for length in canvas]
    if side % stride or min(free) < 0:
        raise WindowError(
            f"a window of {side}x{side} does not fit a canvas of {canvas[0]}x{canvas[1]} (HxW) on "
            f"a grid of {stride} px: choose a smaller side, a multiple of {stride}"
        )
    for _ in range(MAX_TRIES):
        corners = np.stack([rng.integers(0, f + 1, num_windows) for f in free], axis=1) * stride
        gap = np.abs(corners[:, None] - corners[None]).max(-1)
        if num_windows == 1 or gap[~np.eye(num_windows, dtype=bool)].min() >= side:
            return corners.astype(np.int64)
    raise WindowError(
        f"{num_windows} windows of {side}x{side} found no room on a canvas of "
        f"{canvas[0]}x{canvas[1]} (HxW): choose fewer or smaller ones"
    )


def cut(
    sample: Sample,
    origins: NDArray[np.int64],
    window: tuple[int, int],
    next_origins: NDArray[np.int64] | None = None,
) -> Cut:
    """The windows of a sample that start at `origins`, each (height, width) = `window`.

    Windows of the second frame start at `next_origins`, by default where those of the first do.
    """
    h, w = window
    second = origins if next_origins is None else next_origins

    def take(x: NDArray[T], at: NDArray[np.int64] = origins) -> NDArray[T]:
        return np.stack([x[y : y + h, z : z + w] for y, z in at])

    return Cut(
        name=sample.name,
        canvas=sample.size,
        origins=origins,
        image=take(sample.image),
        next_origins=None if sample.next_image is None else second,
        next_image=None if sample.next_image is None else take(sample.next_image, second),
        labels=None if sample.labels is None else take(sample.labels),
        inverse_depth=None if sample.inverse_depth is None else take(sample.inverse_depth),
        flow=None if sample.flow is None else take(sample.flow),
        occluded=None if sample.occluded is None else take(sample.occluded),
    )


def follow_motion(
    rng: np.random.Generator, windows: Cut, *, stride: int, jitter_px: int = 32
) -> NDArray[np.int64]:
    """Where the second frame's windows start so that they see what moved: median flow plus jitter.

    A window without known flow stays where it is. Corners stay on the canvas and on the grid.
    """
    if windows.flow is None:
        return windows.origins
    corners = []
    for origin, flow in zip(windows.origins, windows.flow, strict=True):
        known = np.isfinite(flow).all(-1)
        moved = np.median(flow[known], axis=0)[::-1] if known.any() else np.zeros(2)
        target = origin + moved + rng.uniform(-jitter_px, jitter_px, 2)
        corners.append(np.round(target / stride) * stride)
    limit = (np.array(windows.canvas) - windows.image.shape[1:3]) // stride * stride
    clipped: NDArray[np.int64] = np.clip(np.array(corners), 0, limit).astype(np.int64)
    return clipped


def flipped(windows: Cut) -> Cut:
    """Mirrored left to right: windows move to the other side of the canvas, u changes sign.

    The canvas must be a multiple of the stride wide, or the corners leave the grid.
    """
    width = windows.image.shape[2]

    def mirror(origins: NDArray[np.int64]) -> NDArray[np.int64]:
        x = windows.canvas[1] - origins[:, 1] - width
        return np.stack([origins[:, 0], x], axis=1)

    def turn(x: NDArray[T]) -> NDArray[T]:
        return np.ascontiguousarray(x[:, :, ::-1])

    flow = windows.flow
    if flow is not None:
        flow = turn(flow) * np.array([-1, 1], np.float32)
    return replace(
        windows,
        origins=mirror(windows.origins),
        image=turn(windows.image),
        next_origins=None if windows.next_origins is None else mirror(windows.next_origins),
        next_image=None if windows.next_image is None else turn(windows.next_image),
        labels=None if windows.labels is None else turn(windows.labels),
        inverse_depth=None if windows.inverse_depth is None else turn(windows.inverse_depth),
        flow=flow,
        occluded=None if windows.occluded is None else turn(windows.occluded),
    )
