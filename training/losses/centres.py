"""Truth per pixel as truth per cell: what lies at the cells' centres.

Axes: h w pixels, rows cols cells.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def at_centres(
    truth: Float[Tensor, "*axes h w"], stride: int, rows: int, cols: int
) -> Float[Tensor, "*axes rows cols"]:
    """The mean of the four pixels around each centre, which lies on their common corner.

    A single pixel would shift every map by half of one. A last cell may be cut by the edge, where
    the nearest pixels stand in.

    Args:
        truth: NaN where unknown; a cell is unknown where one of its four pixels is.
        stride: pixels per cell; 1 is the truth itself.
        rows: cells from top to bottom.
        cols: cells from left to right.
    """
    if stride == 1:
        return truth
    above, below = _neighbours(rows, stride, truth.shape[-2], truth.device)
    left, right = _neighbours(cols, stride, truth.shape[-1], truth.device)
    lines = (truth.index_select(-2, above) + truth.index_select(-2, below)) / 2
    return (lines.index_select(-1, left) + lines.index_select(-1, right)) / 2


def _neighbours(
    cells: int, stride: int, pixels: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    after = torch.arange(cells, device=device) * stride + stride // 2
    return (after - 1).clamp(max=pixels - 1), after.clamp(max=pixels - 1)
