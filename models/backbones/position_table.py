"""Learned positions of one grid, resampled to the canvas of every image.

Published vision transformers learn one vector per patch of their training grid. Here the table is
read at the canvas coordinates of each cell, as matrix products with the weights of a bicubic
kernel. An engine needs no resize operator for that (TensorRT has neither bicubic nor antialiased
ones) and padding cannot matter, which changes neither a cell's coordinates nor the canvas.

Axes: b samples, bn windows, rows cols cells, grid one side of the table, c channels.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.windows import Placement

KEYS = -0.5  # the sharpness of Keys' kernel (1981) that fits a quadratic exactly; Pillow has it too


class PositionTable(nn.Module):
    """One vector per cell of a grid, read at any other grid."""

    def __init__(self, rows: int, cols: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(rows, cols, channels) * 0.02)

    def forward(
        self, placement: Placement, stride: int, rows: int, cols: int
    ) -> Float[Tensor, "bn rows cols c"]:
        """Positions of the cells of every window; where the canvas is the table, the table."""
        num_rows, num_cols, c = self.table.shape
        corner = (placement.origins // stride).flatten(0, 1)
        cells = (placement.canvas + (stride - 1)) // stride
        cells = (cells[:, None] + 0 * placement.origins).flatten(0, 1)
        y = torch.arange(rows, device=corner.device) + corner[:, :1]
        x = torch.arange(cols, device=corner.device) + corner[:, 1:]
        weight_y = cubic_weights(y, cells[:, 0], num_rows).to(self.table.dtype)
        weight_x = cubic_weights(x, cells[:, 1], num_cols).to(self.table.dtype)
        by_row = (weight_y @ self.table.flatten(1)).unflatten(-1, (num_cols, c))
        # A copy, since whether a view would do depends on the number of rows: a trace would fix it.
        by_col = by_row.transpose(1, 2).clone(memory_format=torch.contiguous_format).flatten(2)
        found: Tensor = (weight_x @ by_col).unflatten(-1, (rows, c))
        return found.transpose(1, 2)


def cubic_weights(
    cell: Int[Tensor, "bn cells"], num_cells: Int[Tensor, " bn"], grid: int
) -> Float[Tensor, "bn cells grid"]:
    """How much each of `grid` entries counts at cells of an axis that has `num_cells` of them.

    Cell centres are at + 0.5 on both axes. The kernel is widened where the axis is shorter than the
    grid, so that every entry counts, and its weights sum to 1: the antialiased bicubic resize of
    Pillow and of `torch.nn.functional.interpolate(antialias=True)`.

    Args:
        cell: index on the canvas. Beyond its end (padding) the last cell's weights are repeated.
        num_cells: of the canvas of each window.
        grid: entries of the table along the axis.
    """
    last = num_cells[:, None] - 1
    step = (grid / num_cells.float())[:, None]
    centre = (cell.minimum(last).float() + 0.5) * step
    entry = torch.arange(grid, device=cell.device).float() + 0.5
    away = (entry - centre[..., None]) / step.clamp(min=1.0)[..., None]
    weight = _cubic(away.abs())
    return weight / weight.sum(-1, keepdim=True)


def _cubic(t: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """Keys' kernel at a distance t >= 0, zero from 2 on."""
    near = ((KEYS + 2) * t - (KEYS + 3)) * t * t + 1
    far = ((KEYS * t - 5 * KEYS) * t + 8 * KEYS) * t - 4 * KEYS
    return torch.where(t < 1, near, torch.where(t < 2, far, torch.zeros_like(t)))
