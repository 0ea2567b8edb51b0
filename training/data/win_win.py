"""Win-Win's windows: a few squares of a large canvas stand for all of it in training.

Source: Win-Win (arXiv 2310.00632), section 3: random squares that do not overlap, two of them best;
tokens outside are dropped, not masked; at test one plain forward pass. Where the second frame's
windows lie is in next_windows.py.

Axes: n windows, h w pixels.
"""

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.sample import Cut, Sample
from training.recipe import WindowConfig

MAX_TRIES = 200
MANY = 8
"""So many windows are placed on a lattice at once: drawn freely, they would leave no room."""
T = TypeVar("T", bound=np.generic)


class WindowError(ValueError):
    """Windows that do not fit their canvas."""


@dataclass(frozen=True, kw_only=True)
class WindowShape:
    """What the windows of one step share, in pixels."""

    side: int
    next_side: int
    """Of the windows of the second frame."""


def draw_shape(rng: np.random.Generator, config: WindowConfig, *, stride: int) -> WindowShape:
    """One of the sides that the config allows, and a larger one for the second frame.

    Raises:
        WindowError: the sides are no multiples of the stride, or the smallest is the larger one.
    """
    low, high = config.sides
    if low % stride or high % stride or not 0 < low <= high:
        raise WindowError(
            f"sides of windows from {low} to {high} px, expected multiples of {stride}, the "
            f"smallest first: correct sides"
        )
    side = int(rng.integers(low // stride, high // stride + 1)) * stride
    first, last = _next_sides(config, side, stride)
    next_side = int(rng.integers(first // stride, last // stride + 1)) * stride
    return WindowShape(side=side, next_side=next_side)


def largest_shape(config: WindowConfig, *, stride: int) -> WindowShape:
    """What every shape that `draw_shape` draws fits into."""
    side = config.sides[1]
    return WindowShape(side=side, next_side=_next_sides(config, side, stride)[1])


def _next_sides(config: WindowConfig, side: int, stride: int) -> tuple[int, int]:
    """First and last multiple of the stride in the range; the next one above where none is."""
    least, most = (factor * side / stride for factor in config.next_larger)
    low = math.ceil(least - 1e-6)  # 1.1 times 160 is no float
    high = max(low, math.floor(most + 1e-6))
    return low * stride, high * stride


def draw_canvas(
    rng: np.random.Generator,
    config: WindowConfig,
    *,
    shape: WindowShape,
    stride: int,
    most_px: float = math.inf,
) -> tuple[int, int]:
    """(height, width) in pixels of a canvas, multiples of the stride, that holds the windows.

    Args:
        rng: source of chance.
        config: limits of pixels and of width / height.
        shape: of the windows.
        stride: grid of the windows.
        most_px: fewer pixels than the config allows, for an image that can be enlarged no more.
    """
    high = min(config.canvas_px[1], most_px)
    low = min(config.canvas_px[0], high)
    pixels = math.exp(rng.uniform(math.log(low), math.log(high)))
    aspect = math.exp(rng.uniform(*np.log(config.canvas_aspect)))
    height, width = math.sqrt(pixels / aspect), math.sqrt(pixels * aspect)
    need = max(math.ceil(math.sqrt(config.num_windows)) * shape.side, shape.next_side)
    rows, cols = (max(round(side / stride), need // stride) for side in (height, width))
    return rows * stride, cols * stride


def sample_windows(
    rng: np.random.Generator, *, canvas: tuple[int, int], side: int, num_windows: int, stride: int
) -> NDArray[np.int64]:
    """Top-left corners (n, 2) of equal squares that do not overlap, uniformly over the canvas.

    Many windows, and few that find no room by chance, are drawn from a lattice of squares that
    begins at random: uniform too, over whole cells where a window is one.

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
    for _ in range(MAX_TRIES if num_windows < MANY else 0):
        corners = np.stack([rng.integers(0, f + 1, num_windows) for f in free], axis=1) * stride
        gap = np.abs(corners[:, None] - corners[None]).max(-1)
        if num_windows == 1 or gap[~np.eye(num_windows, dtype=bool)].min() >= side:
            return np.asarray(corners, np.int64)
    return _from_lattice(rng, canvas, side, num_windows, stride)


def _from_lattice(
    rng: np.random.Generator, canvas: tuple[int, int], side: int, num_windows: int, stride: int
) -> NDArray[np.int64]:
    counts = [length // side for length in canvas]
    if counts[0] * counts[1] < num_windows:
        raise WindowError(
            f"{num_windows} windows of {side}x{side} found no room on a canvas of "
            f"{canvas[0]}x{canvas[1]} (HxW): choose fewer or smaller ones"
        )
    # What the lattice leaves over on each axis is where it may begin.
    spare = [
        (length - count * side) // stride for length, count in zip(canvas, counts, strict=True)
    ]
    start = np.array([rng.integers(0, s + 1) for s in spare]) * stride
    chosen = rng.choice(counts[0] * counts[1], num_windows, replace=False)
    cells = np.stack(np.divmod(chosen, counts[1]), axis=1)
    return np.asarray(start + cells * side, np.int64)


def cut(
    sample: Sample,
    origins: NDArray[np.int64],
    window: tuple[int, int],
    next_origins: NDArray[np.int64] | None = None,
    next_window: tuple[int, int] | None = None,
) -> Cut:
    """The windows of a sample that start at `origins`, each (height, width) = `window`.

    Windows of the second frame start at `next_origins` and are `next_window` large, by default
    where and as large as those of the first.
    """
    second = origins if next_origins is None else next_origins

    def take(
        x: NDArray[T], at: NDArray[np.int64] = origins, size: tuple[int, int] = window
    ) -> NDArray[T]:
        return np.stack([x[y : y + size[0], z : z + size[1]] for y, z in at])

    following = sample.next_image

    return Cut(
        name=sample.name,
        canvas=sample.size,
        origins=origins,
        image=take(sample.image),
        next_origins=None if following is None else second,
        next_image=None if following is None else take(following, second, next_window or window),
        labels=None if sample.labels is None else take(sample.labels),
        inverse_depth=None if sample.inverse_depth is None else take(sample.inverse_depth),
        flow=None if sample.flow is None else take(sample.flow),
        occluded=None if sample.occluded is None else take(sample.occluded),
    )


def flipped(windows: Cut) -> Cut:
    """Mirrored left to right: windows move to the other side of the canvas, u changes sign.

    The canvas must be a multiple of the stride wide, or the corners leave the grid.
    """
    second, second_origins = windows.next_image, windows.next_origins

    def mirror(origins: NDArray[np.int64], width: int) -> NDArray[np.int64]:
        x = windows.canvas[1] - origins[:, 1] - width
        return np.stack([origins[:, 0], x], axis=1)

    def turn(x: NDArray[T]) -> NDArray[T]:
        return np.ascontiguousarray(x[:, :, ::-1])

    flow = windows.flow
    if flow is not None:
        flow = turn(flow) * np.array([-1, 1], np.float32)
    return replace(
        windows,
        origins=mirror(windows.origins, windows.image.shape[2]),
        image=turn(windows.image),
        next_origins=(
            None
            if second is None or second_origins is None
            else mirror(second_origins, second.shape[2])
        ),
        next_image=None if second is None else turn(second),
        labels=None if windows.labels is None else turn(windows.labels),
        inverse_depth=None if windows.inverse_depth is None else turn(windows.inverse_depth),
        flow=flow,
        occluded=None if windows.occluded is None else turn(windows.occluded),
    )


def without_border(windows: Cut, border_px: int) -> Cut:
    """The truth marked as unknown along every side of a window that is no side of the canvas.

    There convolutions see an edge that no image has at test: what they answer is not to be learned.

    Raises:
        WindowError: nothing would be left of a window.
    """
    if border_px == 0:
        return windows
    n, h, w = windows.image.shape[:3]
    if 2 * border_px >= min(h, w):
        raise WindowError(
            f"a border of {border_px} px leaves nothing of windows of {h}x{w} (HxW): choose a "
            f"smaller border_px, or larger windows"
        )
    hidden = np.zeros((n, h, w), bool)
    for number, (y, x) in enumerate(windows.origins):
        hidden[number, :border_px] |= y > 0
        hidden[number, h - border_px :] |= y + h < windows.canvas[0]
        hidden[number, :, :border_px] |= x > 0
        hidden[number, :, w - border_px :] |= x + w < windows.canvas[1]
    labels, depth, flow = windows.labels, windows.inverse_depth, windows.flow
    unknown = np.float32(np.nan)
    return replace(
        windows,
        labels=None if labels is None else np.where(hidden, np.uint8(IGNORE_INDEX), labels),
        inverse_depth=None if depth is None else np.where(hidden, unknown, depth),
        flow=None if flow is None else np.where(hidden[..., None], unknown, flow),
    )
