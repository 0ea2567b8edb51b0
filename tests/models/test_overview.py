"""A small copy of an image, and maps between both."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.config import ConfigError, DepthConfig
from models.overview import average, box_mean, enlarge, overview
from models.windows import Placement, Windows, whole_images

SIDE = 64
sides = st.integers(1, 300)


def image_of(*size: int, canvas: tuple[int, int] | None = None) -> Windows:
    height, width = canvas or size
    generator = torch.Generator().manual_seed(size[0] * 1000 + size[1])
    pixels = torch.randint(0, 256, (1, height, width, 3), generator=generator)
    return whole_images(pixels.to(torch.uint8), torch.tensor([size]))


def cells(placement: Placement) -> tuple[int, int]:
    found = placement.valid_cells(4)
    assert found is not None
    rows, cols = found[0].tolist()
    return rows, cols


def ramp(placement: Placement, h: int, w: int) -> Tensor:
    """Where each stride-4 cell lies in the image: 0 at its left or upper edge, 1 at the other."""
    size = placement.canvas[0]
    y = (torch.arange(h) * 4 + 2) / size[0]
    x = (torch.arange(w) * 4 + 2) / size[1]
    return torch.stack([y[:, None].expand(h, w), x.expand(h, w)])[None]


def test_an_image_that_fits_is_copied_to_the_last_bit() -> None:
    image = image_of(40, 64)
    copy = overview(image, SIDE)
    assert copy.placement.canvas.tolist() == [[40, 64]]
    assert torch.equal(copy.pixels[0, 0, :, :40], image.pixels[0, 0, :, :40])
    assert not copy.pixels[0, 0, :, 40:].any()


def test_a_whole_factor_is_the_mean_of_blocks() -> None:
    image = image_of(96, 192)
    copy = overview(image, SIDE)
    assert copy.placement.canvas.tolist() == [[32, 64]]
    expected = F.avg_pool2d(image.pixels[0], 3)[..., :32, :]
    torch.testing.assert_close(copy.pixels[0, :, :, :32], expected)


@given(height=sides, width=sides)
def test_a_copy_is_no_longer_than_its_side_and_keeps_the_aspect(height: int, width: int) -> None:
    image = image_of(height, width)
    copy = overview(image, SIDE)
    h, w = copy.placement.canvas[0].tolist()
    factor = max(height, width, SIDE) / SIDE
    assert h == pytest.approx(height / factor, abs=0.51) or h == 1
    assert w == pytest.approx(width / factor, abs=0.51) or w == 1
    # Means of parts that are of the same size have the mean of the whole.
    own = image.pixels[0, 0, :, :height, :width].mean((1, 2))
    torch.testing.assert_close(copy.pixels[0, 0, :, :h, :w].mean((1, 2)), own, rtol=1e-3, atol=0.1)


@given(height=sides, width=sides)
def test_maps_keep_their_places_both_ways(height: int, width: int) -> None:
    image = image_of(height, width)
    copy = overview(image, SIDE)
    h, w = cells(image.placement)
    h2, w2 = cells(copy.placement)
    large = torch.full((1, 2, h + 3, w + 2), torch.inf)  # what lies outside never counts
    large[..., :h, :w] = ramp(image.placement, h, w)
    small = torch.zeros(1, 2, SIDE // 4, SIDE // 4)
    small[..., :h2, :w2] = ramp(copy.placement, h2, w2)

    # Cells are one value each, so a mean over parts of them may lie half a cell off; the last cell
    # may reach beyond the image.
    found = average(large, image.placement, copy.placement, stride=4, like=small)
    off = (found - small)[0, :, : h2 - 1, : w2 - 1].abs()
    assert (off[0] <= 2 / height).all()
    assert (off[1] <= 2 / width).all()

    back = enlarge(small, image.placement, copy.placement, stride=4, like=large)
    first, last = small[..., :1, :1], small[..., h2 - 1 : h2, w2 - 1 : w2]
    expected = large[..., :h, :w].maximum(first).minimum(last)  # the border repeats
    torch.testing.assert_close(back[..., :h, :w], expected, atol=1e-4, rtol=0)


def test_a_box_counts_what_lies_inside() -> None:
    x = torch.full((1, 1, 6, 8), torch.nan)
    x[..., :5, :7] = torch.rand(1, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    inside = torch.zeros(1, 6, 8, dtype=torch.bool)
    inside[:, :5, :7] = True
    found = box_mean(x, inside, 2)
    assert found[0, 0, 0, 0] == pytest.approx(x[0, 0, :3, :3].mean().item())
    assert found[0, 0, 2, 3] == pytest.approx(x[0, 0, :5, 1:6].mean().item())
    assert found[0, 0, 4, 6] == pytest.approx(x[0, 0, 2:5, 4:7].mean().item())


@pytest.mark.parametrize("side", [0, 48, 250])
def test_a_side_that_is_no_multiple_of_the_stride_is_refused(side: int) -> None:
    with pytest.raises(ConfigError, match=f"overview_side is {side}, expected a multiple of 16"):
        DepthConfig(overview_side=side)
