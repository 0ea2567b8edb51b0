"""Turns that lie in memory in the order of their axes."""

import torch

from export.layout import channels_first, channels_last


def test_a_turn_and_back_is_the_same_map() -> None:
    x = torch.randn(2, 3, 5, 7)
    turned = channels_last(x)
    assert torch.equal(turned, x.permute(0, 2, 3, 1))
    assert turned.is_contiguous()
    assert torch.equal(channels_first(turned), x)
    assert channels_first(turned).is_contiguous()
