"""Cells in square blocks: the order in which matching costs become a few large matrix products.

A map is cut into blocks of p x p cells. All cells within p rows and columns of a block lie in the
3x3 blocks around it, so whoever holds the blocks of a map, and one more on every side, has the
surroundings of each by picking nine. Everything here is an index: data move by rows of channels.

Axes: b images, m rows and k columns of blocks, n = b * m * k, p cells along a side of a block.
"""

import torch
from jaxtyping import Int, Shaped
from torch import Tensor


class BlockGrid:
    """Where the cells of a map lie when it is cut into blocks.

    Args of the constructor:
        like: a map; only its shape and device matter.
        side: p.
    """

    def __init__(self, like: Shaped[Tensor, "b rows cols *c"], *, side: int) -> None:
        self.images, self.rows, self.cols = like.shape[0], like.shape[1], like.shape[2]
        self.side = side
        self.down = (self.rows + side - 1) // side
        self.across = (self.cols + side - 1) // side
        self._device = like.device

    def cells(self) -> Int[Tensor, " n_pp"]:
        """The cell at each place of each block; beyond the map its last row or column."""
        row = self._range(self.down * self.side).clamp(max=self.rows - 1)
        col = self._range(self.across * self.side).clamp(max=self.cols - 1)
        row, col = row.unflatten(0, (self.down, self.side)), col.unflatten(0, (-1, self.side))
        cell: Tensor = row[:, None, :, None] * self.cols + col[:, None]
        return (self._images(self.rows * self.cols) + cell).flatten()

    def places(self) -> Int[Tensor, " b_rows_cols"]:
        """Where each cell lies in [p * p, n], that is by its place in a block and then by block."""
        row, col = self._range(self.rows)[:, None], self._range(self.cols)
        block = row // self.side * self.across + col // self.side
        place = row % self.side * self.side + col % self.side
        count = self.images * self.down * self.across
        images = self._range(self.images)[:, None, None] * (self.down * self.across)
        return (images + place * count + block).flatten()

    def surroundings(self) -> Int[Tensor, " n_9"]:
        """Of each block the nine around it, row by row, among those of the bordered map."""
        three = self._range(3)
        row = self._range(self.down)[:, None, None, None] + three[:, None]
        col = self._range(self.across)[:, None, None] + three
        block = row * (self.across + 2) + col
        return (self._images((self.down + 2) * (self.across + 2)) + block).flatten()

    def bordered(self) -> tuple[Int[Tensor, "m2 1 p 1"], Int[Tensor, "k2 1 p"]]:
        """Row and column of each place of each block, with one more block on every side.

        Numbers below zero and beyond the map stand for places without a cell.
        """
        row = self._range((self.down + 2) * self.side) - self.side
        col = self._range((self.across + 2) * self.side) - self.side
        row, col = row.unflatten(0, (-1, self.side)), col.unflatten(0, (-1, self.side))
        return row[:, None, :, None], col[:, None]

    def _images(self, size: int) -> Int[Tensor, "b 1 1 1 1"]:
        return self._range(self.images)[:, None, None, None, None] * size

    def _range(self, count: int) -> Int[Tensor, " count"]:
        return torch.arange(count, device=self._device)
