"""Rays of one view, stored cell after cell so that a run of cells is a slice of rays.

Positions are kept in camera units, x / z and y / z (parallel views: metres).

Axes: n rays, s spans.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from training.data.synthetic.spans import Region, Spans
from training.data.synthetic.view import View


@dataclass(frozen=True, kw_only=True)
class Rays:
    """n rays in the order of their cells, row by row."""

    x: Float[Tensor, " n"]
    y: Float[Tensor, " n"]
    region: Region
    start: Int64[Tensor, " cells_1"] | None
    """Where the rays of each cell start, with the end as last entry; None: one ray in each cell."""

    def __len__(self) -> int:
        return self.x.shape[0]

    def slices(self, spans: Spans) -> tuple[Int64[Tensor, " s"], Int64[Tensor, " s"]]:
        """The first ray of each span and how many there are."""
        row = torch.from_numpy(spans.row).to(self.x.device) * self.region.cols
        first = row + torch.from_numpy(spans.first).to(self.x.device)
        last = row + torch.from_numpy(spans.last).to(self.x.device)
        if self.start is None:
            return first, last - first
        begin = self.start.index_select(0, first)
        return begin, self.start.index_select(0, last) - begin


def pixel_rays(view: View, region: Region, device: torch.device) -> Rays:
    """One ray through the centre of every pixel of the region."""
    px, py = view.principal_px
    y, x = torch.meshgrid(
        torch.arange(region.rows, device=device) + (region.top + 0.5),
        torch.arange(region.cols, device=device) + (region.left + 0.5),
        indexing="ij",
    )
    return Rays(
        x=((x - px) / view.focal_px).reshape(-1),
        y=((y - py) / view.focal_px).reshape(-1),
        region=region,
        start=None,
    )


def scattered_rays(
    view: View,
    x_px: Float[Tensor, " n"],
    y_px: Float[Tensor, " n"],
    region: Region | None = None,
) -> tuple[Rays, Int64[Tensor, " n"]]:
    """Rays through any points in px, sorted by cell, and the order that sorted them.

    The region is the smallest that holds them, unless it is given.
    """
    column, line = x_px.floor().long(), y_px.floor().long()
    if x_px.shape[0] == 0:
        region = Region(top=0, left=0, rows=0, cols=0)
        return Rays(x=x_px, y=y_px, region=region, start=None), column
    if region is None:
        left, top = int(column.min()), int(line.min())
        rows, cols = int(line.max()) - top + 1, int(column.max()) - left + 1
        region = Region(top=top, left=left, rows=rows, cols=cols)
    cell = (line - region.top) * region.cols + (column - region.left)
    order = torch.argsort(cell, stable=True)
    counts = torch.bincount(cell, minlength=region.rows * region.cols)
    start = torch.zeros(counts.shape[0] + 1, dtype=torch.int64, device=x_px.device)
    torch.cumsum(counts, 0, out=start[1:])
    px, py = view.principal_px
    return (
        Rays(
            x=((x_px - px) / view.focal_px)[order],
            y=((y_px - py) / view.focal_px)[order],
            region=region,
            start=start,
        ),
        order,
    )
