"""A fixed descriptor of local texture: it matches before anything is learned.

Axes: b images, rows cols cells.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from models.spatial import zero_outside

CENSUS_CHANNELS = 24  # the 5x5 neighbours of a cell without the cell itself
SOFTNESS = 0.1  # grey levels are normalised: this is about 5 of 255


def census(
    grey: Float[Tensor, "b 1 rows cols"], inside: Bool[Tensor, "b rows cols"] | None
) -> Float[Tensor, "b 24 rows cols"]:
    """Softly, which of its 5x5 neighbours are brighter than a cell; unit length per cell.

    d / sqrt(d^2 + softness^2) of each difference d in place of its sign (census transform: Zabih
    and Woodfill 1994; soft form: DDFlow, arXiv 1902.09145). Neighbours outside the image count as
    equal.
    """
    real = torch.ones_like(grey) if inside is None else inside[:, None].to(grey.dtype)
    grey = zero_outside(grey, inside)
    rows, cols = grey.shape[2], grey.shape[3]
    both = F.pad(torch.cat([grey, real], dim=1), (2, 2, 2, 2))
    down = torch.arange(rows, device=grey.device)
    right = torch.arange(cols, device=grey.device)
    channels = []
    for dy in range(5):
        strip = both.index_select(2, down + dy)
        for dx in range(5):
            if (dy, dx) == (2, 2):
                continue
            neighbour = strip.index_select(3, right + dx)
            difference = (neighbour[:, :1] - grey) * neighbour[:, 1:]
            channels.append(difference * torch.rsqrt(difference.square() + SOFTNESS**2))
    signs = torch.cat(channels, dim=1)
    return signs * torch.rsqrt(signs.square().sum(1, keepdim=True) + 1e-2)
