"""The depth loss: what must not matter does not."""

import pytest
import torch

from training.losses.depth import depth_loss, knows_depth

torch.manual_seed(0)
TRUTH = torch.rand(2, 1, 16, 16) + 0.1
FLAT = torch.zeros(2, 1, 16, 16)


def test_scale_and_shift_of_the_answer_do_not_matter() -> None:
    answer = torch.rand(2, 1, 16, 16)
    once = depth_loss(answer, FLAT, TRUTH).mean()
    moved = depth_loss(answer * 7 + 3, FLAT + torch.tensor(7.0).log(), TRUTH).mean()
    # The uncertainty is in the unit of the answer: its log likelihood moves by log 7, and the small
    # constant that keeps it finite is not scaled.
    assert float(moved - once) == pytest.approx(0.05 * float(torch.tensor(7.0).log()), abs=2e-3)


def test_the_truth_of_another_scale_costs_only_its_uncertainty() -> None:
    right = depth_loss(TRUTH * 5 + 1, FLAT - 6, TRUTH).mean()
    wrong = depth_loss(TRUTH.flip(-1) * 5 + 1, FLAT - 6, TRUTH).mean()
    assert float(right) < 0.1
    assert float(wrong) > 0.5


def test_unknown_pixels_never_reach_the_gradient() -> None:
    answer = torch.rand(1, 1, 16, 16, requires_grad=True)
    truth = TRUTH[:1].clone()
    truth[..., 8:] = torch.nan
    depth_loss(answer, FLAT[:1], truth).backward()
    assert answer.grad is not None
    assert answer.grad.isfinite().all()
    assert answer.grad[..., 9:].abs().max() == 0


def test_a_sample_with_too_little_truth_is_left_out() -> None:
    truth = TRUTH.clone()
    truth[1].fill_(torch.nan)
    answer = torch.rand(2, 1, 16, 16)
    both = depth_loss(answer, FLAT, truth)
    assert float(both[0]) == pytest.approx(
        float(depth_loss(answer[:1], FLAT[:1], truth[:1])), rel=1e-5
    )
    assert float(both[1]) == 0
    assert knows_depth(truth).tolist() == [True, False]


def test_a_sample_costs_the_same_whatever_is_known_of_its_neighbour() -> None:
    truth = TRUTH.clone()
    truth[1, :, 5:] = torch.nan
    answer = torch.rand(2, 1, 16, 16)
    both = depth_loss(answer, FLAT, truth)
    alone = [depth_loss(answer[i : i + 1], FLAT[:1], truth[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(both, torch.cat(alone))
