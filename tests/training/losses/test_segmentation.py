"""The segmentation loss by hand-made cases."""

import math

import pytest
import torch

from training.losses.segmentation import balanced_weights, segmentation_loss

EQUAL = torch.ones(2)


def test_a_fair_coin_costs_log_two_and_a_third_of_dice() -> None:
    logits = torch.zeros(1, 2, 1, 2)
    labels = torch.tensor([[[0, 1]]], dtype=torch.uint8)
    # Dice of each class: 2 * 0.5 / (0.5 + 0.5 + 1) = 0.5; half of the other half is 0.25.
    assert float(segmentation_loss(logits, labels[:, None], EQUAL)) == pytest.approx(
        math.log(2) + 0.25
    )


def test_a_sure_and_right_answer_costs_nothing() -> None:
    logits = torch.tensor([30.0, -30.0]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4)
    labels = torch.zeros(1, 4, 4, dtype=torch.uint8)
    assert float(segmentation_loss(logits, labels[:, None], EQUAL)) == pytest.approx(0.0, abs=1e-5)


def test_pixels_that_are_not_counted_pull_at_nothing() -> None:
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    labels = torch.tensor([[[0, 255], [255, 255]]], dtype=torch.uint8)
    segmentation_loss(logits, labels[:, None], EQUAL).backward()
    assert logits.grad is not None
    assert (logits.grad[:, :, 0, 0] != 0).any()
    assert logits.grad[:, :, 1].abs().max() == 0


def test_an_image_without_labels_costs_nothing() -> None:
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((1, 1, 2, 2), 255, dtype=torch.uint8), EQUAL)
    loss.backward()
    assert float(loss.detach()) == 0.0


def test_a_sample_costs_the_same_whoever_is_beside_it_and_however_it_is_cut() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 3, 6, 8)
    labels = torch.randint(0, 3, (2, 2, 6, 8)).to(torch.uint8)
    labels[0, 0, :4] = 255  # less is known of the first window, nothing of the third
    labels[1, 0] = 255
    weights = torch.tensor([0.5, 1.0, 2.0])
    both = segmentation_loss(logits, labels, weights)
    alone = [
        segmentation_loss(logits[2 * i : 2 * i + 2], labels[i : i + 1], weights) for i in (0, 1)
    ]
    torch.testing.assert_close(both, torch.cat(alone))
    # Two windows side by side are one wide window.
    wide = torch.cat([logits[0], logits[1]], dim=2)[None]
    once = segmentation_loss(
        wide, torch.cat([labels[0, 0], labels[0, 1]], dim=1)[None, None], weights
    )
    torch.testing.assert_close(both[:1], once)


def test_rare_classes_weigh_more_within_limits() -> None:
    found = balanced_weights(torch.tensor([0.0001, 4.0, 1.0]))
    assert found.tolist() == pytest.approx([3.0, 0.5, 1.0])


def test_classes_that_never_occur_leave_the_balance_of_the_others() -> None:
    some = balanced_weights(torch.tensor([50.0, 30.0, 20.0]))
    many = balanced_weights(torch.tensor([50.0, 30.0, 20.0, 0.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(many[:3], some)
