"""Matching costs and what the network reads of them, as a few large matrix products.

Costs are dot products of a cell of frame 1 with the cells around it in frame 2, read where the flow
points. Nothing but a product with weights is ever done to them, and that is what is used here: all
cells of a block meet all cells around the block in one product, although a cell's own neighbours
are only a part of these; weights that are zero for the others read what is its own. More is
multiplied than must be, three times, but nothing is shifted, cut out or put together, which took
far longer.

Frame 2 is read by rows of channels, four for each cell, and so arrives in the order of the blocks.

Axes: b images, n blocks of all images, p cells along a side of a block (the reach of the search), c
channels, s = 2 * p + 1.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from export.block_grid import BlockGrid

Split = tuple[Tensor, ...]
"""Learned descriptors and census, channels-last."""


class LocalCosts(nn.Module):
    """Reads the costs of both kinds of descriptors.

    Args of the constructor:
        weight: of the product, [c_out, 2 * s * s], by kind, then row, then column.
        radius: reach of the search, cells.
        dtype: in which products are computed.
    """

    def __init__(
        self, weight: Float[Tensor, "c_out costs"], *, radius: int, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.radius = radius
        self.dtype = dtype
        self.weight = nn.Parameter(weight.detach().clone().to(dtype))
        at, own = _around(radius)
        self.register_buffer("cost_index", at, persistent=False)
        self.register_buffer("cost_share", own.to(dtype)[:, None], persistent=False)
        self.cost_index: Tensor
        self.cost_share: Tensor

    def prepare(self, maps: Split, grid: BlockGrid) -> Split:
        """Descriptors of frame 1 in blocks, [n, p * p, c] for each kind."""
        cells = grid.cells()
        place = (-1, grid.side * grid.side)
        return tuple(x.flatten(0, 2).index_select(0, cells).unflatten(0, place) for x in maps)

    def table(self, maps: Split) -> Split:
        """Descriptors of frame 2 as rows to read, with a border of zeros around each image."""
        return tuple(F.pad(x, (0, 0, 1, 1, 1, 1)).flatten(0, 2) for x in maps)

    def forward(
        self,
        first: Split,
        table: Split,
        flow: Float[Tensor, "b rows cols 2"],
        cells: Int[Tensor, "b 2"],
        grid: BlockGrid,
    ) -> Float[Tensor, "b rows cols c_out"]:
        """What is read of the costs of every cell.

        Args:
            first: of `prepare`.
            table: of `table`.
            flow: in cells of the level.
            cells: (rows, cols) that hold a part of the image.
            grid: blocks of the level, `radius` cells along a side.
        """
        around = grid.surroundings()
        index, share = _corners(flow, cells, grid)
        weight = self._weights()
        places = grid.side * grid.side
        total: Tensor | None = None
        for kind, (own, rows) in enumerate(zip(first, table, strict=True)):
            warped = _mix(rows, index, share)
            # [n, 9 * p * p, c]: a block's surroundings are rows of whole blocks.
            near = warped.reshape(-1, places * own.shape[2]).index_select(0, around)
            near = near.reshape(-1, 9 * places, own.shape[2])
            costs = (own @ near.mT).transpose(0, 1).clone(memory_format=torch.contiguous_format)
            read = costs @ weight[kind]
            total = read if total is None else total + read
        assert total is not None
        ordered = total.flatten(0, 1).index_select(0, grid.places())
        return ordered.reshape(grid.images, grid.rows, grid.cols, -1)

    def _weights(self) -> Float[Tensor, "2 pp near c_out"]:
        """For each place in a block, the weights of all cells around the block."""
        places = self.radius * self.radius
        found = self.weight.mT.index_select(0, self.cost_index) * self.cost_share
        return found.reshape(2, places, 9 * places, -1)


def _around(p: int) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
    """Which weight each place of a block has for each cell around the block, and 0 where none."""
    place = torch.arange(p)
    # [9 blocks, p * p] rows and columns around a block, counted from its top left neighbour.
    block = torch.arange(3) * p
    row = (block[:, None, None, None] + place[:, None]).expand(3, 3, p, p).flatten()
    col = (block[:, None, None] + place).expand(3, 3, p, p).flatten()
    own_row, own_col = place.repeat_interleave(p)[:, None], place.repeat(p)[:, None]
    side = 2 * p + 1
    down, right = row - own_row, col - own_col
    inside = (down >= 0) & (down < side) & (right >= 0) & (right < side)
    at = torch.where(inside, down * side + right, 0).flatten()
    both = torch.cat([at, at + side * side])
    return both, inside.flatten().repeat(2).float()


def _corners(
    flow: Float[Tensor, "b rows cols 2"], cells: Int[Tensor, "b 2"], grid: BlockGrid
) -> tuple[list[Int[Tensor, " m"]], list[Float[Tensor, "m 1"]]]:
    """The four rows of the table around each place of the bordered blocks, and their shares."""
    row, col = grid.bordered()
    rows, cols = (cells[:, axis, None, None, None, None] for axis in range(2))
    inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
    image = torch.arange(grid.images, device=flow.device)[:, None, None, None, None]
    cell = image * (grid.rows * grid.cols)
    cell = cell + row.clamp(0, grid.rows - 1) * grid.cols + col.clamp(0, grid.cols - 1)
    at = flow.flatten(0, 2).index_select(0, cell.flatten()).reshape(*cell.shape, 2)
    # In the bordered table; places that are no cell of frame 1 read its first row, which is zero.
    x = (at[..., 0] + (col + 1)).clamp(min=0.0).minimum(cols + 1.0)
    y = (at[..., 1] + (row + 1)).clamp(min=0.0).minimum(rows + 1.0)
    x, y = torch.where(inside, x, 0.0), torch.where(inside, y, 0.0)
    left, top = x.floor().minimum(cols.float()), y.floor().minimum(rows.float())
    right_share, low_share = x - left, y - top
    stride = grid.cols + 2
    corner = (top.int() * stride + left.int()) + image.int() * ((grid.rows + 2) * stride)
    index = [corner + down * stride + right for down in range(2) for right in range(2)]
    share = [y * x for y in (1 - low_share, low_share) for x in (1 - right_share, right_share)]
    return [i.flatten() for i in index], [s.reshape(-1, 1) for s in share]


def _mix(
    rows: Float[Tensor, "r c"], index: list[Int[Tensor, " m"]], share: list[Float[Tensor, "m 1"]]
) -> Float[Tensor, "m c"]:
    total: Tensor | None = None
    for i, s in zip(index, share, strict=True):
        part = rows.index_select(0, i) * s.to(rows.dtype)
        total = part if total is None else total + part
    assert total is not None
    return total
