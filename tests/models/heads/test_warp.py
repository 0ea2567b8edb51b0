"""Warping and convex up-sampling by planted answers."""

import torch

from models.heads.warp import convex_upsample, warp


def test_a_shift_by_one_cell_reads_the_neighbour() -> None:
    second = torch.arange(12.0).reshape(1, 1, 3, 4)
    right = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 3, 4)
    read = warp(second, right)
    torch.testing.assert_close(read[..., :3], second[..., 1:])
    assert read[..., 3].abs().max() < 1e-5


def test_a_shift_by_half_a_cell_reads_the_mean() -> None:
    second = torch.arange(4.0).reshape(1, 1, 1, 4)
    half = torch.tensor([0.5, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 4)
    torch.testing.assert_close(warp(second, half)[0, 0, 0, :3], torch.tensor([0.5, 1.5, 2.5]))


def test_flow_goes_down_with_positive_v() -> None:
    second = torch.arange(6.0).reshape(1, 1, 3, 2)
    down = torch.tensor([0.0, 1.0]).reshape(1, 2, 1, 1).expand(1, 2, 3, 2)
    torch.testing.assert_close(warp(second, down)[0, 0, 0], torch.tensor([2.0, 3.0]))


def test_convex_upsampling_of_constant_flow_is_constant_at_borders_too() -> None:
    flow = torch.tensor([3.0, -2.0]).reshape(1, 2, 1, 1).expand(1, 2, 2, 3)
    full = convex_upsample(flow, torch.randn(1, 144, 2, 3), torch.ones(1, 1, 2, 3), factor=4)
    assert full.shape == (1, 2, 8, 12)
    torch.testing.assert_close(full, flow[..., :1, :1].expand(1, 2, 8, 12))


def test_one_sided_weights_pick_one_neighbour() -> None:
    flow = torch.stack([torch.arange(6.0).reshape(2, 3)] * 2)[None]
    weights = torch.full((1, 9, 16, 2, 3), -50.0)
    weights[:, 4] = 50.0  # the cell itself
    full = convex_upsample(flow, weights.flatten(1, 2), torch.ones(1, 1, 2, 3), factor=4)
    torch.testing.assert_close(full, flow.repeat_interleave(4, 2).repeat_interleave(4, 3))
