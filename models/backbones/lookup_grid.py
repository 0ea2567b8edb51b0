"""Which image tokens each lookup token stands for.

A sample's canvas of r x c cells is divided into a grid of at most M slots that follows its aspect
ratio. Everything is computed per sample from its own sizes by integer arithmetic, so that padding
and batch mates cannot matter and the exported graph holds for every size.

Axes: b samples, m slots, t image tokens, c channels.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.windows import Placement


@dataclass(frozen=True, kw_only=True)
class LookupGrid:
    """Slots, their places, and the area average that fills them."""

    assign: Float[Tensor, "b m t"]
    """Row i averages the image tokens of slot i; zero where a slot has none."""
    present: Bool[Tensor, "b m"]
    """False for slots that are not used or that no window touches."""
    y: Float[Tensor, "b m"]
    """Centre of a slot, in cells of the canvas."""
    x: Float[Tensor, "b m"]
    rows: Int[Tensor, " b"]
    """Size of the canvas in cells."""
    cols: Int[Tensor, " b"]


@dataclass(frozen=True, kw_only=True)
class LookupSlots:
    """Rectangles that divide a canvas, in cells. Slots beyond the last are not used."""

    row: Int[Tensor, "b m"]
    """Of a slot in the grid of slots."""
    col: Int[Tensor, "b m"]
    num_rows: Int[Tensor, "b 1"]
    """Size of the grid of slots."""
    num_cols: Int[Tensor, "b 1"]
    rows: Int[Tensor, " b"]
    """Size of the canvas in cells."""
    cols: Int[Tensor, " b"]

    @property
    def used(self) -> Bool[Tensor, "b m"]:
        return self.row < self.num_rows

    def row_interval(self) -> tuple[Int[Tensor, "b m"], Int[Tensor, "b m"]]:
        """First row of each slot, and the one after its last."""
        return interval(self.row, self.rows[:, None], self.num_rows)

    def col_interval(self) -> tuple[Int[Tensor, "b m"], Int[Tensor, "b m"]]:
        """First column of each slot, and the one after its last."""
        return interval(self.col, self.cols[:, None], self.num_cols)


def lookup_slots(placement: Placement, *, stride: int, num_slots: int) -> LookupSlots:
    """How the canvas is divided.

    The number of slot columns is round(sqrt(M c / r)), written as a count so that no square root is
    taken; cell i of S slots over n cells covers floor(i n / S) <= cell < ceil((i + 1) n / S), as
    adaptive average pooling does. Up to M cells of fitting shape, each cell is its own slot.
    """
    canvas = (placement.canvas + (stride - 1)) // stride
    r, c = canvas[:, 0], canvas[:, 1]
    k = torch.arange(num_slots, device=canvas.device)
    # Where every cell has its own slot the grid is the canvas itself.
    fits = (r * c <= num_slots).long()
    by_aspect = ((2 * k + 1) ** 2 * r[:, None] <= 4 * num_slots * c[:, None]).float().sum(1).long()
    slot_cols = fits * c + (1 - fits) * by_aspect.clamp(min=1).minimum(c)
    slot_rows = (torch.full_like(slot_cols, num_slots) // slot_cols).minimum(r)
    slot_row = k // slot_cols[:, None]
    return LookupSlots(
        row=slot_row,
        col=k - slot_row * slot_cols[:, None],
        num_rows=slot_rows[:, None],
        num_cols=slot_cols[:, None],
        rows=r,
        cols=c,
    )


def lookup_grid(
    placement: Placement, *, stride: int, rows: int, cols: int, num_slots: int
) -> LookupGrid:
    """The grid for maps of rows x cols cells at a stride."""
    slots = lookup_slots(placement, stride=stride, num_slots=num_slots)
    top, bottom = slots.row_interval()
    left, right = slots.col_interval()
    row, col = placement.cell_rows_cols(stride, rows, cols)
    holds = (
        (row[:, None] >= top[..., None])
        & (row[:, None] < bottom[..., None])
        & (col[:, None] >= left[..., None])
        & (col[:, None] < right[..., None])
        & slots.used[..., None]
    )
    inside = placement.inside(stride, rows, cols)
    if inside is not None:
        holds = holds & inside.reshape(row.shape)[:, None]
    weight = holds.float()
    count = weight.sum(-1)
    return LookupGrid(
        assign=weight / count.clamp(min=1.0)[..., None],
        present=count > 0,
        y=(top + bottom).float() / 2,
        x=(left + right).float() / 2,
        rows=slots.rows,
        cols=slots.cols,
    )


def interval(
    slot: Int[Tensor, "#b m"], cells: Int[Tensor, "b 1"], slots: Int[Tensor, "b 1"]
) -> tuple[Int[Tensor, "b m"], Int[Tensor, "b m"]]:
    """First cell of a slot and the one after its last, of so many slots over so many cells."""
    return slot * cells // slots, ((slot + 1) * cells + slots - 1) // slots
