"""Averages over slots by rows and columns, against the product with every cell."""

import pytest
import torch

from export.cross_attention import FoldedCrossAttention
from models.config import FlowConfig
from models.heads.cross_attention import CrossAttention
from models.windows import Placement


@pytest.mark.parametrize("tokens", [1, 6, 16, 64])
@torch.no_grad()
def test_slots_hold_the_same_averages(tokens: int) -> None:
    torch.manual_seed(0)
    config = FlowConfig(context_channels=8, num_context_tokens=tokens)
    cross = CrossAttention(config, in_channels=20)
    size = torch.tensor([[80, 112], [33, 48], [1, 1]])
    place = Placement(origins=torch.zeros_like(size)[:, None], canvas=size, valid=size[:, None])
    second = torch.randn(3, 20, 5, 7)
    inside = place.inside(16, 5, 7)
    assert inside is not None
    second = second * inside[:, None]
    expected = cross._average(second, place)
    found = FoldedCrossAttention(cross)._average(second, place)
    assert torch.equal(found.present, expected.present)
    for name in ("y", "x", "features"):
        there = expected.present if name != "features" else expected.present[..., None]
        torch.testing.assert_close(
            getattr(found, name) * there, getattr(expected, name) * there, rtol=1e-4, atol=1e-5
        )
