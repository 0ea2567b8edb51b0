"""What a foreign encoder knows of places: a table, or rotary periods."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from models.position import frequencies_of_base
from training.foreign.errors import ForeignError

ROTARY_BASE = 100.0  # of CroCo v2's RoPE100 and of every published DINOv3
PERIODS_WITHIN = 0.01  # relative: DINOv3's own files hold them in bfloat16


def split_table(
    positions: Float[Tensor, "..."],
    *,
    embed_dim: int,
    num_prefix: tuple[int, ...],
    grid: tuple[int, int] | None,
) -> tuple[Float[Tensor, "prefix c"], Float[Tensor, "rows cols c"]]:
    """Positions of the tokens before the patches, and the table of the patches.

    A count of tokens tells no grid: 8x32 and 16x16 have as many. So it must be a square or given.

    Args:
        positions: [1, t, c] or [t, c].
        embed_dim: c.
        num_prefix: how many tokens before the patches may have a position: none, the class tokens,
            or registers too.
        grid: (rows, cols) of the patches, where they are not a square.

    Raises:
        ForeignError: no such grid.
    """
    if positions.shape[-1] != embed_dim:
        raise ForeignError(
            f"positions are {tuple(positions.shape)}, expected {embed_dim} channels last"
        )
    flat = positions.reshape(-1, embed_dim)
    for prefix in num_prefix:
        side = math.isqrt(max(flat.shape[0] - prefix, 0))
        rows, cols = grid or (side, side)
        if rows * cols and rows * cols + prefix == flat.shape[0]:
            return flat[:prefix], flat[prefix:].reshape(rows, cols, embed_dim)
    wanted = f"{grid[0]}x{grid[1]}" if grid else "a square of"
    raise ForeignError(
        f"{flat.shape[0]} positions are not {wanted} patches, with or without "
        f"{max(num_prefix)} tokens before them: say what they are by --grid ROWS COLS"
    )


def check_periods(periods: Float[Tensor, " k"], head_dim: int) -> None:
    """Refuse rotary periods that are not 100^(k / K), K = head_dim / 4.

    Raises:
        ForeignError: another number of them, or other values.
    """
    expected = 1 / torch.tensor(frequencies_of_base(head_dim, base=ROTARY_BASE))
    if periods.shape != expected.shape:
        raise ForeignError(
            f"there are {periods.numel()} rotary periods, expected {expected.numel()} for heads of "
            f"{head_dim} channels: give --num-heads"
        )
    if not torch.allclose(periods, expected, rtol=PERIODS_WITHIN):
        raise ForeignError(
            f"rotary periods run from {float(periods[0]):.4g} to {float(periods[-1]):.4g}, "
            f"expected {float(expected[0]):.4g} to {float(expected[-1]):.4g} "
            f"(base {ROTARY_BASE:g}): no published DINOv3 has others"
        )


def regroup(weight: Float[Tensor, "c ..."], num_heads: int) -> Float[Tensor, "c ..."]:
    """Reorder the query or key channels of every head from CroCo's rotary layout to ours.

    CroCo keeps the channels of y before those of x, and of each the first halves of the pairs that
    turn together before the second ones; ours keeps all first halves before the second ones.
    Attention sums over channels, so that a new order of both queries and keys changes nothing.
    """
    pairs = weight.unflatten(0, (num_heads, 2, 2, -1))  # heads, y or x, half, frequency
    ours: Tensor = pairs.transpose(1, 2).flatten(0, 3)
    return ours
