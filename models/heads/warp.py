"""Reading the second frame where the flow points.

Axes: b windows, c channels, rows cols cells of frame 1, rows2 cols2 of frame 2.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def warp(
    second: Float[Tensor, "b c rows2 cols2"], displacement: Float[Tensor, "b 2 rows cols"]
) -> Float[Tensor, "b c rows cols"]:
    """Bilinear samples of `second` at each cell's own place plus its displacement; zero beyond.

    Args:
        second: zero outside its image, so that its border is that of the bare map.
        displacement: (x, y) in cells.
    """
    rows, cols = displacement.shape[2], displacement.shape[3]
    rows2, cols2 = second.shape[2], second.shape[3]
    x = torch.arange(cols, device=second.device) + displacement[:, 0]
    y = torch.arange(rows, device=second.device)[:, None] + displacement[:, 1]
    # grid_sample's own unit: -1 and 1 are the outer edges of the map, cell centres at + 0.5.
    grid = torch.stack([(x * 2 + 1) / cols2 - 1, (y * 2 + 1) / rows2 - 1], dim=-1)
    return F.grid_sample(second, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def convex_upsample(
    flow: Float[Tensor, "b 2 rows cols"],
    weights: Float[Tensor, "b k rows cols"],
    real: Float[Tensor, "b 1 rows cols"],
    *,
    factor: int,
) -> Float[Tensor, "b 2 h w"]:
    """Each pixel is a convex combination of the 3x3 cells around its own (RAFT, arXiv 2003.12039).

    Args:
        flow: zero where it is not real.
        weights: logits, k = 9 * factor^2, neighbour first, then pixel row and column.
        real: 1 for cells of the image, 0 for padding, which gets no weight.
    """
    b, _, rows, cols = flow.shape
    logits = weights.unflatten(1, (9, factor * factor))
    logits = logits + (neighbours(real)[:, 0, :, None] - 1.0) * 1e4
    share = logits.softmax(dim=1)
    near = neighbours(flow)
    pixels = torch.stack(
        [(share * near[:, axis, :, None]).sum(1) for axis in range(2)], dim=1
    )  # [b, 2, factor^2, rows, cols]
    split: Tensor = pixels.unflatten(2, (factor, factor))
    pixels = split.permute(0, 1, 4, 2, 5, 3)
    return pixels.reshape(b, 2, rows * factor, cols * factor)


def neighbours(x: Float[Tensor, "b c rows cols"]) -> Float[Tensor, "b c 9 rows cols"]:
    """The 3x3 cells around each cell, row by row; zero beyond the border."""
    down = torch.arange(x.shape[2], device=x.device)
    right = torch.arange(x.shape[3], device=x.device)
    padded = F.pad(x, (1, 1, 1, 1))
    shifted = [
        padded.index_select(2, down + dy).index_select(3, right + dx)
        for dy in range(3)
        for dx in range(3)
    ]
    return torch.stack(shifted, dim=2)
