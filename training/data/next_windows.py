"""Where the second frame's windows lie: they follow what moves (Win-Win, section 3.3).

Axes: n windows.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.sample import Cut

APART_TRIES = 20


def follow_motion(
    rng: np.random.Generator,
    windows: Cut,
    *,
    side: int,
    stride: int,
    jitter_px: int,
    within: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> NDArray[np.int64]:
    """Top-left corners (n, 2) of squares about where the windows' middle moves to: the median flow.

    Args:
        rng: source of chance.
        windows: of the first frame. One without known flow is looked for where it is.
        side: of the second frame's windows in pixels, a multiple of the stride.
        stride: corners are multiples of it.
        jitter_px: farthest from there, per axis: at test the motion is not known.
        within: first and last possible corner (n, 2) of each window; the canvas where None.
    """
    own = windows.image.shape[1]
    moved = np.zeros((len(windows.origins), 2))
    if windows.flow is not None:
        for number, flow in enumerate(windows.flow):
            known = np.isfinite(flow).all(-1)
            if known.any():
                moved[number] = np.median(flow[known], axis=0)[::-1]
    jitter = rng.uniform(-jitter_px, jitter_px, moved.shape)
    target = windows.origins + moved + jitter - (side - own) / 2
    low, high = within or _on_canvas(windows.canvas, side, stride)
    on_grid = np.round(target / stride).astype(np.int64) * stride
    return np.asarray(np.clip(on_grid, low, high), np.int64)


def lead_astray(
    rng: np.random.Generator,
    origins: NDArray[np.int64],
    *,
    canvas: tuple[int, int],
    side: int,
    stride: int,
    share: float,
) -> NDArray[np.int64]:
    """Some windows of the second frame at other places, where they show nothing they should.

    Args:
        rng: source of chance.
        origins: (n, 2) where the windows follow the motion.
        canvas: (height, width) in pixels.
        side: of these windows in pixels.
        stride: corners are multiples of it.
        share: of windows that are moved, by chance; a canvas without room leaves them.
    """
    _, last = _on_canvas(canvas, side, stride)
    places = origins.copy()
    for number in np.flatnonzero(rng.random(len(origins)) < share):
        for _ in range(APART_TRIES):
            place = np.array([rng.integers(0, end // stride + 1) for end in last]) * stride
            if np.abs(place - origins[number]).max() >= side:
                places[number] = place
                break
    return places


def _on_canvas(
    canvas: tuple[int, int], side: int, stride: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    last = (np.array(canvas) - side) // stride * stride
    return np.zeros(2, np.int64), np.maximum(last, 0).astype(np.int64)
