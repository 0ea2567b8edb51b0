"""Costs read block by block, against the network's own product of correlations."""

import pytest
import torch
import torch.nn.functional as F

from export.block_grid import BlockGrid
from export.local_costs import LocalCosts
from models.heads.correlation import local_correlation
from models.heads.warp import warp
from models.spatial import zero_outside

SPLITS = (5, 3)  # channels of both kinds of descriptors


@pytest.mark.parametrize(
    ("rows", "cols", "radius"), [(1, 1, 4), (1, 9, 4), (7, 2, 2), (8, 8, 4), (13, 21, 4), (5, 6, 1)]
)
@pytest.mark.parametrize("reach", [0.0, 3.0, 60.0])
def test_what_is_read_is_the_product_of_the_costs(
    rows: int, cols: int, radius: int, reach: float
) -> None:
    torch.manual_seed(0)
    cells = torch.tensor([[rows, cols], [(rows + 1) // 2, (cols + 1) // 2]])
    inside = (torch.arange(rows)[:, None] < cells[:, :1, None]) & (
        torch.arange(cols) < cells[:, 1:, None]
    )
    first, second = (
        zero_outside(torch.randn(2, sum(SPLITS), rows, cols), inside) for _ in range(2)
    )
    flow = zero_outside(torch.randn(2, 2, rows, cols) * reach, inside)
    weight = torch.randn(4, 2 * (2 * radius + 1) ** 2)

    read = zero_outside(warp(second, flow), inside)
    pairs = zip(first.split(SPLITS, 1), read.split(SPLITS, 1), strict=True)
    costs = torch.cat([local_correlation(a, b, radius=radius) for a, b in pairs], dim=1)
    expected = F.linear(costs.permute(0, 2, 3, 1), weight)

    module = LocalCosts(weight, radius=radius, dtype=torch.float32)
    parts = [
        tuple(y.contiguous() for y in x.permute(0, 2, 3, 1).split(SPLITS, -1))
        for x in (first, second)
    ]
    grid = BlockGrid(first.permute(0, 2, 3, 1), side=radius)
    found = module(
        module.prepare(parts[0], grid),
        module.table(parts[1]),
        flow.permute(0, 2, 3, 1),
        cells,
        grid,
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)
