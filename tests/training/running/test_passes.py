"""How a step's samples follow from a budget of tokens, and are spread over passes."""

from dataclasses import replace

import pytest
import torch

from tests.training.test_step import pairs
from training.data.mixture import StepBatches
from training.data.token_budget import BudgetError, num_passes, num_samples
from training.recipe import DataConfig
from training.running.passes import split, tokens_per_sample


def test_tokens_are_cells_of_all_windows_and_frames() -> None:
    batch = pairs()  # two windows of 64x64 in each of two frames
    assert tokens_per_sample(batch) == 2 * 2 * 4 * 4
    image = replace(batch, next_image=None, next_origins=None, flow=None)
    assert tokens_per_sample(image) == 2 * 4 * 4


@pytest.mark.parametrize(
    ("samples", "accumulate", "tokens_per_pass", "expected"),
    [
        (6, 1, None, 1),
        (6, 4, None, 4),
        (6, 9, None, 6),  # no more than samples
        (6, 1, 299, 3),  # two of 100 at once
        (6, 1, 10_000, 1),
        (6, 5, 299, 5),  # whichever asks for more
    ],
)
def test_passes_follow_from_samples_and_limits(
    samples: int, accumulate: int, tokens_per_pass: int | None, expected: int
) -> None:
    found = num_passes(samples, 100, accumulate=accumulate, tokens_per_pass=tokens_per_pass)
    assert found == expected


def test_a_pass_that_holds_no_sample_is_refused() -> None:
    with pytest.raises(BudgetError, match="tokens_per_pass is 99: give at least 100"):
        num_passes(6, 100, accumulate=1, tokens_per_pass=99)


def test_the_parts_are_the_batch_and_what_is_missing_is_blank() -> None:
    batch = pairs()
    parts = list(split(batch, 2))
    assert torch.equal(torch.cat([part.image for part in parts]), batch.image)
    three = list(split(batch, 3))
    assert [bool((part.labels != 255).any()) for part in three] == [False, True, True]
    assert not three[0].inverse_depth.isfinite().any()
    assert three[0].flow is not None
    assert not three[0].flow.isfinite().any()
    assert three[0].image.shape == batch.image[:1].shape


def test_a_budget_is_shared_in_the_ratio_of_the_kinds() -> None:
    tokens = (320, 192, 384)
    # 4 * 320 + 8 * 192 + 4 * 384 = 4352
    assert num_samples(4352, ratio=(4, 8, 4), tokens=tokens) == (4, 8, 4)
    assert num_samples(2 * 4352, ratio=(4, 8, 4), tokens=tokens) == (8, 16, 8)
    assert num_samples(896, ratio=(4, 8, 4), tokens=tokens) == (1, 1, 1)
    assert num_samples(1000, ratio=(1, 0, 0), tokens=tokens) == (3, 0, 0)


def test_a_budget_is_never_exceeded_and_hardly_ever_left() -> None:
    tokens = (320, 192, 384)
    for budget in range(896, 9000, 37):
        found = num_samples(budget, ratio=(4, 8, 4), tokens=tokens)
        used = sum(n * t for n, t in zip(found, tokens, strict=True))
        assert budget - max(tokens) < used <= budget
        assert min(found) >= 1


def test_a_budget_below_one_of_each_kind_is_refused() -> None:
    with pytest.raises(BudgetError, match=r"may have 320 \+ 384 tokens: give at least 704"):
        num_samples(703, ratio=(4, 0, 4), tokens=(320, 192, 384))


def test_budgets_that_a_later_step_would_break_are_refused_before_the_first() -> None:
    sizes = DataConfig(window=(64, 96), pair_window=(64, 64), canvas_range=(0.5, 2.0))
    crops = replace(sizes, two_windows_share=0.0)
    # Twice the sides: 8 x 12 cells, 8 x 8, and two frames of 8 x 8; other shapes round up a bit.
    with pytest.raises(BudgetError, match=r"may have \d+ \+ \d+ \+ \d+ tokens: give at least 3"):
        StepBatches(replace(crops, tokens_per_step=280)).check_budgets(None)
    StepBatches(replace(crops, tokens_per_step=330)).check_budgets(150)
    with pytest.raises(BudgetError, match="tokens_per_pass is 100: give at least 1"):
        StepBatches(crops).check_budgets(100)
    # Two windows of 208 px, and in the second frame of 1.2 times that: 2 * (13^2 + 15^2).
    with pytest.raises(BudgetError, match="tokens_per_pass is 787: give at least 788"):
        StepBatches(replace(sizes, two_windows_share=0.2)).check_budgets(787)
    StepBatches(replace(sizes, two_windows_share=0.2)).check_budgets(788)
    # Copies at half, once and twice the size: 5.25 times as many.
    with pytest.raises(BudgetError, match="tokens_per_pass is 4136: give at least 4137"):
        StepBatches(replace(sizes, two_windows_share=0.2)).check_budgets(4136, times=5.25)
    # One size is one size: no other shape is drawn.
    one = replace(crops, canvas_range=(1.0, 1.0), pairs_per_step=0, scenes_per_step=0)
    cells = (one.window[0] // 16) * (one.window[1] // 16)
    StepBatches(one).check_budgets(cells)
