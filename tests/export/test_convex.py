"""Enlargement by learned shares, against the network's own."""

import pytest
import torch

from export.convex import LARGEST_SCORE, Enlarge, check_scores
from models.heads.warp import convex_upsample
from models.spatial import upsample


def real_cells() -> torch.Tensor:
    """[2, 1, 5, 7]: one image fills the map, the other 2 x 3 cells of it."""
    real = torch.ones(2, 1, 5, 7)
    real[1, :, 2:] = 0
    real[1, :, :, 3:] = 0
    return real


def test_each_pixel_mixes_the_real_cells_around_it() -> None:
    torch.manual_seed(0)
    real = real_cells()
    flow, scores = torch.randn(2, 2, 5, 7) * real, torch.randn(2, 144, 5, 7) * 4
    expected = convex_upsample(flow, scores, real, factor=4).permute(0, 2, 3, 1)
    found = Enlarge().convex(flow.permute(0, 2, 3, 1), scores.permute(0, 2, 3, 1), real)
    for index, (h, w) in enumerate(((20, 28), (8, 12))):
        torch.testing.assert_close(found[index, :h, :w], expected[index, :h, :w])


@pytest.mark.parametrize("common", [-LARGEST_SCORE + 4, LARGEST_SCORE - 4])
def test_shares_are_the_same_at_both_ends_of_the_scores_that_are_allowed(common: float) -> None:
    torch.manual_seed(0)
    flow, scores = torch.randn(1, 5, 7, 2) * 1e4, torch.rand(1, 5, 7, 144) * 4
    real = torch.ones(1, 1, 5, 7)
    expected = Enlarge().convex(flow, scores, real)
    found = Enlarge().convex(flow, scores + common, real)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1.0)


def test_bilinear_pixels_lie_by_their_place_in_a_cell() -> None:
    torch.manual_seed(0)
    real, cells = real_cells(), torch.tensor([[5, 7], [2, 3]])
    x = torch.randn(2, 1, 5, 7) * real
    enlarge = Enlarge()
    found = enlarge.bilinear(x, enlarge.weights(real).reciprocal())
    found = torch.nn.functional.pixel_shuffle(found, 4)
    expected = upsample(x, 4, cells)
    for index, (h, w) in enumerate(((20, 28), (8, 12))):
        part = (index, 0, slice(h), slice(w))
        torch.testing.assert_close(found[part], expected[part], rtol=1e-4, atol=1e-5)


def test_weights_whose_exponentials_could_overflow_are_refused() -> None:
    check_scores(torch.full((144, 64), 0.5), torch.zeros(144))
    with pytest.raises(ValueError, match=r"scores of up to 128, expected at most 40"):
        check_scores(torch.full((144, 64), 2.0), torch.zeros(144))
