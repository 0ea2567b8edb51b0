"""Where the cells of a map lie on the image, and its values on the cells of another map.

Two maps of the same windows at two resolutions meet here: along each axis a matrix says how much of
every cell of one lies in each cell of the other. What is unknown or outside an image takes no part.

Axes: w windows, c channels, rows cols cells; rows2 cols2 cells of the other map.
"""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

MIN_SHARE: Final = 0.5
"""Of a cell that must be known for its average to count."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Cells along one axis of every window, in pixels of the original canvas."""

    start: Float[Tensor, " w"]
    """Where the first cell begins."""
    side: float
    """Of a cell."""
    count: int

    def edges(self) -> Float[Tensor, "w cells"]:
        """Where each cell begins."""
        return self.start[:, None] + self.side * torch.arange(self.count, device=self.start.device)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a map along both axes."""

    rows: Cells
    cols: Cells


def shares(source: Cells, target: Cells) -> Float[Tensor, "w target source"]:
    """Weight of every source cell in every target cell; one where a target cell is all covered.

    Averages where the target's cells are larger; interpolates between centres where they are
    smaller, and the border is repeated up to its edge.
    """
    begin, other = target.edges()[:, :, None], source.edges()[:, None]
    if target.side >= source.side:
        end = torch.minimum(begin + target.side, other + source.side)
        overlap = (end - torch.maximum(begin, other)).clamp(min=0.0)
        return overlap / target.side
    first, last = other[:, :, :1], other[:, :, -1:]
    centre = begin + (target.side - source.side) / 2  # of the target, less half a source cell
    covered = (centre > first - source.side / 2) & (centre < last + source.side / 2)
    weight = (1 - (centre.clamp(first, last) - other).abs() / source.side).clamp(min=0.0)
    return weight * covered


def average(
    x: Float[Tensor, "w c rows cols"],
    known: Bool[Tensor, "w rows cols"] | None,
    source: Grid,
    target: Grid,
) -> tuple[Float[Tensor, "w c rows2 cols2"], Float[Tensor, "w rows2 cols2"]]:
    """Mean over the known cells, and the share of each target cell that is known.

    Args:
        x: anything, NaN included, where not known.
        known: None: every cell is.
        source: of x.
        target: of the result; zero where nothing is known.
    """
    # No autocast: pixels and flow have more digits than bfloat16.
    with torch.autocast(x.device.type, enabled=False):
        down, right = shares(source.rows, target.rows), shares(source.cols, target.cols)
        x = x.float()
        if known is None:
            share = down.sum(2)[:, :, None] * right.sum(2)[:, None]
        else:
            x = x.masked_fill(~known[:, None], 0.0)
            share = down @ known.float() @ right.mT
        total = down[:, None] @ x @ right.mT[:, None]
        return total / share.clamp(min=1e-6)[:, None], share


def pick(
    x: Shaped[Tensor, "w rows cols"], source: Grid, target: Grid
) -> Shaped[Tensor, "w rows2 cols2"]:
    """The value under the centre of each target cell, which must lie inside the source."""
    row, col = _under(source.rows, target.rows), _under(source.cols, target.cols)
    w, _, cols = x.shape
    x = x.gather(1, row[:, :, None].expand(-1, -1, cols))
    return x.gather(2, col[:, None].expand(w, x.shape[1], -1))


def _under(source: Cells, target: Cells) -> Int[Tensor, "w cells"]:
    centre = target.edges() + target.side / 2 - source.start[:, None]
    return (centre / source.side).floor().long().clamp(0, source.count - 1)
