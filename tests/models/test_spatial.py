"""Operators by hand-checked numbers; that padding never matters is in test_invariance.py."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from models.spatial import (
    MaskedConv2d,
    attend,
    crop_to,
    halve,
    merge_heads,
    repeat_border,
    split_heads,
    to_map,
    to_tokens,
    upsample,
)

side = st.integers(1, 9)


@given(height=side, width=side, below=side, right=side)
def test_a_convolution_does_not_see_padding_even_if_it_is_nan(
    height: int, width: int, below: int, right: int
) -> None:
    conv = MaskedConv2d(3, 4, kernel_size=5)
    image = torch.rand(1, 3, height, width)
    padded = F.pad(image, (0, right, 0, below), value=float("nan"))
    inside = torch.zeros(1, height + below, width + right, dtype=torch.bool)
    inside[:, :height, :width] = True
    bare = conv(image, None)
    crop = conv(padded, inside)[..., :height, :width]
    torch.testing.assert_close(crop, bare, rtol=1e-4, atol=1e-6)


def test_halving_averages_real_cells_only_and_rounds_up() -> None:
    x = torch.tensor([[[[1.0, 3.0, 5.0], [5.0, 7.0, 9.0], [2.0, 4.0, 6.0]]]])
    assert halve(x, None).tolist() == [[[[4.0, 7.0], [3.0, 6.0]]]]
    inside = torch.tensor([[[True, True, False], [True, True, False], [False, False, False]]])
    assert halve(x.masked_fill(~inside[:, None], torch.nan), inside)[0, 0, 0, 0] == 4.0


def test_upsampling_a_ramp_keeps_cell_centres_at_a_half() -> None:
    ramp = torch.arange(4.0).reshape(1, 1, 1, 4)
    assert upsample(ramp, 2, None)[0, 0, 0].tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


def test_upsampling_never_mixes_in_what_lies_outside() -> None:
    x = torch.tensor([[[[1.0, 2.0, torch.nan], [3.0, 4.0, torch.nan], [torch.nan] * 3]]])
    found = upsample(x, 2, torch.tensor([[2, 2]]))[..., :4, :4]
    torch.testing.assert_close(found, upsample(x[..., :2, :2], 2, None))


def test_the_border_is_repeated_per_image() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert repeat_border(x, torch.tensor([[1, 2]])).tolist() == [[[[0.0, 1, 1], [0, 1, 1]]]]


def test_attention_with_absent_keys_equals_attention_over_the_others() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 8)
    present = torch.tensor([[True] * 4 + [False] * 3] * 2)
    found = attend(q, k, v, present)
    expected = attend(q, k[:, :, :4], v[:, :, :4], None)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_attention_without_any_key_is_finite() -> None:
    q = torch.randn(1, 1, 2, 8)
    assert attend(q, q, q, torch.zeros(1, 2, dtype=torch.bool)).isfinite().all()


def test_tokens_and_maps_are_inverse() -> None:
    x = torch.randn(6, 4, 2, 5)
    tokens = to_tokens(x, 3)
    assert tokens.shape == (3, 20, 4)
    assert torch.equal(to_map(tokens, like=x), x)


def test_heads_split_and_merge() -> None:
    x = torch.randn(2, 3, 12)
    assert torch.equal(merge_heads(split_heads(x, 4)), x)


def test_cropping_takes_the_top_left() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert crop_to(x, like=torch.zeros(1, 5, 2, 1)).tolist() == [[[[0.0], [3.0]]]]
