"""Two estimates of one depth map, merged."""

import torch
from torch import Tensor

from models.heads.depth import DepthEstimate
from models.heads.double_estimation import double_estimate
from models.overview import average, overview
from models.windows import whole_images

SIZE = (384, 640)
SIDE = 128


def estimates(fine: Tensor, coarse: Tensor) -> Tensor:
    """The merged map; the copy's estimate is `coarse`, seen on the grid of the copy."""
    images = whole_images(torch.zeros(1, *SIZE, 3, dtype=torch.uint8), torch.tensor([SIZE]))
    copy = overview(images, SIDE)
    like = torch.zeros(1, 1, SIDE // 4, SIDE // 4)
    placement = images.placement
    small = average(coarse[None, None], placement, copy.placement, stride=4, like=like)
    merged = double_estimate(
        DepthEstimate(relative_inverse_depth=fine[None], log_uncertainty=-fine[None]),
        placement,
        DepthEstimate(relative_inverse_depth=small[:, 0], log_uncertainty=small[:, 0]),
        copy.placement,
    )
    assert torch.equal(merged.log_uncertainty, -fine[None])
    return merged.relative_inverse_depth[0]


def scene() -> tuple[Tensor, Tensor]:
    """A floor with a post of three cells on it, and a wrong bend over the whole image."""
    rows, cols = SIZE[0] // 4, SIZE[1] // 4
    y, x = torch.arange(rows)[:, None] / rows, torch.arange(cols) / cols
    truth = 0.5 + y + 0 * x
    truth[:, 80:83] += 0.5
    return truth, truth + 1.5 * x + 0.5 * torch.sin(3 * x + 2 * y)


def test_layout_comes_from_the_copy_and_edges_from_the_image() -> None:
    truth, bent = scene()
    merged = estimates(bent, truth)
    blurred = estimates(torch.zeros_like(truth), truth)  # nothing but the copy
    error = (merged - truth).abs()
    assert error.mean() < 0.2 * (bent - truth).abs().mean()
    edge = slice(76, 87)
    assert error[:, edge].mean() < 0.7 * (blurred - truth).abs()[:, edge].mean()


def test_estimates_that_agree_stay() -> None:
    truth, _ = scene()
    torch.testing.assert_close(estimates(truth, truth), truth, atol=0.05, rtol=0)


def test_far_never_becomes_near() -> None:
    truth, _ = scene()
    merged = estimates(3 - truth, truth)
    along = merged[:, 40]
    assert (along.diff() > -1e-3).all()
