"""Matching costs of each cell with its neighbours in the other frame.

Axes: b windows, c channels, rows cols cells, s = 2 * radius + 1.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

BLOCK = 16  # columns that share one small matrix product


def local_correlation(
    first: Float[Tensor, "b c rows cols"], second: Float[Tensor, "b c rows cols"], *, radius: int
) -> Float[Tensor, "b s2 rows cols"]:
    """Dot products of a cell of `first` with the s x s cells of `second` around it.

    Channel (dy + radius) * s + dx + radius is the product with second[row + dy, col + dx], zero
    beyond the border. `second` must be zero outside the image.

    Written as matrix products of blocks of 16 columns with the 16 + 2 radius columns around them,
    one per row offset, whose diagonal band is then read by a change of row length: less than half
    of the products are thrown away, and no intermediate is larger than the result times that.
    """
    cols = first.shape[3]
    span = 2 * radius + 1
    reach = BLOCK + 2 * radius
    num_blocks = (cols + BLOCK - 1) // BLOCK
    at = torch.arange(num_blocks * BLOCK, device=first.device)

    # [b, rows, blocks, 16, c]; the last block repeats a column, which is cropped at the end.
    left = first.permute(0, 2, 3, 1).index_select(2, at.clamp(max=cols - 1))
    left = left.unflatten(2, (num_blocks, BLOCK))
    padded = F.pad(second, (radius, radius + BLOCK - 1, radius, radius)).permute(0, 2, 3, 1)
    starts = torch.arange(num_blocks, device=first.device)[:, None] * BLOCK
    around = (starts + torch.arange(reach, device=first.device)).flatten()
    # [b, rows + 2 radius, blocks, c, 16 + 2 radius]
    right = padded.index_select(2, around).unflatten(2, (num_blocks, reach)).mT

    rows_at = torch.arange(first.shape[2], device=first.device)
    bands = []
    for dy in range(span):
        product = left @ right.index_select(1, rows_at + dy)
        # Row i of a block needs columns i .. i + 2 radius: with rows one longer, they align.
        flat = F.pad(product.flatten(-2), (0, BLOCK))
        bands.append(flat.unflatten(-1, (BLOCK, reach + 1))[..., :span])
    costs = torch.cat(bands, dim=-1).flatten(2, 3)
    columns = torch.arange(cols, device=first.device)
    return costs.index_select(2, columns).permute(0, 3, 1, 2)
