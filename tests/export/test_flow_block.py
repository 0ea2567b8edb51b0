"""The flow head's block with its norm merged, against the network's."""

import pytest
import torch

from export.flow_block import FlowBlock, scale_to_unit
from models.spatial import LocalBlock, zero_outside


@torch.no_grad()
def test_a_block_without_its_norm_answers_the_same() -> None:
    torch.manual_seed(0)
    block = LocalBlock(12, mlp_ratio=3)
    for parameter in block.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.3)
    inside = torch.ones(2, 5, 7, dtype=torch.bool)
    inside[1, 3:] = False
    x = torch.randn(2, 12, 5, 7) * 3 + 2
    expected = block(x, inside)
    found = FlowBlock(block, dtype=torch.float32)(x, zero_outside(x, inside))
    where = inside[:, None].expand_as(found)
    torch.testing.assert_close(found[where], expected[where], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_the_deviation_of_each_cell_becomes_one(scale: float) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 64, 3, 4) * scale + scale
    found = scale_to_unit(x, 1e-12).std(dim=1, unbiased=False)
    torch.testing.assert_close(found, torch.ones(1, 3, 4), rtol=1e-3, atol=1e-3)
