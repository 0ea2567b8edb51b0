"""A batch at another resolution: the same windows of the same canvas, with their truth.

Axes: b samples, n windows, bn windows of all samples, h w pixels.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from models.windows import STRIDE
from training.data.batch import Batch
from training.data.grid import MIN_SHARE, Cells, Grid, average, pick

TINY: Final = 1e-6  # of a cell: what floating point may add to a whole number
NUM_STARTS: Final = 512  # cells along the longest canvas, and then some


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A batch at another resolution."""

    batch: Batch
    factor: tuple[float, float]
    """By which it is higher and wider than the original."""

    def grid(self, stride: int) -> Grid:
        """The cells of frame 1's windows, in pixels of the original canvas."""
        return _grid(self.batch.origins, self.batch.image, self.factor, stride)

    def next_grid(self, stride: int) -> Grid:
        """The same of frame 2."""
        assert self.batch.next_origins is not None
        assert self.batch.next_image is not None
        return _grid(self.batch.next_origins, self.batch.next_image, self.factor, stride)


@torch.no_grad()
def resized(batch: Batch, size: float) -> Copy:
    """The same windows of the same canvas at another resolution, truth included.

    A whole image fills its copy, whose sides are the nearest multiples of the stride. Windows of a
    larger canvas keep the factor exactly, so that they still lie where they lay, and lose what is
    beyond the last line of the stride's grid on each side.

    Images are averaged down and interpolated up; labels are the nearest, inverse depth and flow the
    mean over known cells; flow's vectors grow with the image.

    Args:
        batch: the original.
        size: factor of its sides.

    Raises:
        ValueError: a window has no whole cell of the stride at this size.
    """
    h, w = batch.image.shape[2:4]
    whole = batch.image.shape[1] == 1 and bool(
        (batch.canvas == batch.canvas.new_tensor((h, w))).all()
    )
    factor = (_nearest(h, size) / h, _nearest(w, size) / w) if whole else (size, size)
    canvas = torch.round(batch.canvas * batch.canvas.new_tensor(factor, dtype=torch.float64)).long()
    origins, room = _aligned(batch.origins, (h, w), factor, whole=whole)
    next_origins, next_image = None, batch.next_image
    if batch.next_origins is not None and next_image is not None:
        next_size = (next_image.shape[2], next_image.shape[3])
        next_origins, next_room = _aligned(batch.next_origins, next_size, factor, whole=whole)
        if next_size == (h, w):  # equal windows stay equal: both frames go in one pass
            room = next_room = (min(room[0], next_room[0]), min(room[1], next_room[1]))
        target = _cells(next_origins, next_room, factor)
        next_image = _picture(next_image, _original(batch.next_origins, next_size), target)
    source, target = _original(batch.origins, (h, w)), _cells(origins, room, factor)
    n = batch.image.shape[:2]
    flow = batch.flow
    if flow is not None:
        vectors = flow.new_tensor(factor[::-1])
        moved = _measured(flow.flatten(0, 1).permute(0, 3, 1, 2), source, target)
        flow = moved.permute(0, 2, 3, 1).unflatten(0, n) * vectors
    depth = _measured(batch.inverse_depth.flatten(0, 1)[:, None], source, target)
    return Copy(
        factor=factor,
        batch=replace(
            batch,
            image=_picture(batch.image, source, target),
            origins=origins,
            canvas=canvas,
            next_image=next_image,
            next_origins=next_origins,
            labels=pick(batch.labels.flatten(0, 1), source, target).unflatten(0, n),
            inverse_depth=depth[:, 0].unflatten(0, n),
            flow=flow,
        ),
    )


def _nearest(side: int, size: float) -> int:
    """The multiple of the stride, at least one, that is nearest to side * size."""
    return max(round(side * size / STRIDE), 1) * STRIDE


def _aligned(
    origins: Int[Tensor, "b n 2"],
    window: tuple[int, int],
    factor: tuple[float, float],
    *,
    whole: bool,
) -> tuple[Int[Tensor, "b n 2"], tuple[int, int]]:
    """The first lines of the stride's grid in each resized window, and the room behind them all."""
    scale = torch.tensor(factor, dtype=torch.float64, device=origins.device)
    first = torch.ceil(origins * scale / STRIDE - TINY)
    rows, cols = (_room(s // STRIDE, f, whole) for s, f in zip(window, factor, strict=True))
    if min(rows, cols) < 1:
        raise ValueError(
            f"a window of {window[0]}x{window[1]} (HxW) at {factor[0]:g} times its size holds no "
            f"whole cell of {STRIDE} px: choose larger windows, or larger multi_resolution.sizes"
        )
    return first.long() * STRIDE, (rows * STRIDE, cols * STRIDE)


def _room(cells: int, factor: float, whole: bool) -> int:
    """Whole cells in a resized window of so many, wherever on its canvas it starts.

    Of the worst start, not of those at hand: a part of a batch would else have other windows than
    the batch, and the number of passes or processes would change what is learned.
    """
    starts = range(1) if whole else range(NUM_STARTS)
    last = (math.floor((start + cells) * factor + TINY) for start in starts)
    first = (math.ceil(start * factor - TINY) for start in starts)
    return min(b - a for a, b in zip(first, last, strict=True))


def _original(origins: Int[Tensor, "b n 2"], window: tuple[int, int]) -> Grid:
    return _cells(origins, window, (1.0, 1.0))


def _cells(
    origins: Int[Tensor, "b n 2"],
    window: tuple[int, int],
    factor: tuple[float, float],
    stride: int = 1,
) -> Grid:
    """Cells of a window that starts at `origins` of a canvas `factor` times the original one."""
    corner = origins.flatten(0, 1).double()
    rows, cols = (
        Cells(
            start=(corner[:, axis] / factor[axis]).float(),
            side=stride / factor[axis],
            count=window[axis] // stride,
        )
        for axis in (0, 1)
    )
    return Grid(rows=rows, cols=cols)


def _grid(
    origins: Int[Tensor, "b n 2"],
    image: UInt8[Tensor, "b n h w 3"],
    factor: tuple[float, float],
    stride: int,
) -> Grid:
    return _cells(origins, (image.shape[2], image.shape[3]), factor, stride)


def _picture(
    image: UInt8[Tensor, "b n h w 3"], source: Grid, target: Grid
) -> UInt8[Tensor, "b n h2 w2 3"]:
    pixels = image.flatten(0, 1).permute(0, 3, 1, 2).float()
    mean, _ = average(pixels, None, source, target)
    whole: Tensor = mean.round().clamp(0, 255).byte().permute(0, 2, 3, 1)
    windows: Tensor = whole.unflatten(0, image.shape[:2])
    return windows


def _measured(
    values: Float[Tensor, "bn c h w"], source: Grid, target: Grid
) -> Float[Tensor, "bn c h2 w2"]:
    """Mean over known values, NaN where less than half of a pixel is known."""
    mean, share = average(values, values.isfinite().all(1), source, target)
    return mean.masked_fill((share < MIN_SHARE)[:, None], torch.nan)
