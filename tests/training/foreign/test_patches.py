"""Patch kernels keep their answers when patches or pixels are scaled."""

import pytest
import torch
import torch.nn.functional as F

from training.foreign.patches import IMAGENET, for_our_pixels, resize_kernel
from training.foreign.source import PixelScale


@pytest.mark.parametrize("old", [8, 14])
def test_a_larger_kernel_answers_to_a_larger_patch_as_before(old: int) -> None:
    generator = torch.Generator().manual_seed(old)
    kernel = torch.randn(5, 3, old, old, generator=generator)
    patch = torch.randn(1, 3, old, old, generator=generator)
    larger = F.interpolate(patch, size=(16, 16), mode="bilinear")
    torch.testing.assert_close(
        F.conv2d(larger, resize_kernel(kernel, 16)), F.conv2d(patch, kernel), rtol=1e-4, atol=1e-4
    )


def test_a_kernel_that_reads_the_smaller_patch_only_becomes_what_it_reads_with() -> None:
    wanted = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    patch = torch.zeros(1, 3, 32, 32, requires_grad=True)
    smaller = F.interpolate(patch, size=(16, 16), mode="bilinear", antialias=True)
    (wanted * smaller).sum().backward()  # the gradient is the kernel that sees through the resize
    assert patch.grad is not None
    torch.testing.assert_close(resize_kernel(patch.grad, 16), wanted, rtol=1e-4, atol=1e-4)


def test_an_equal_size_changes_no_bit() -> None:
    kernel = torch.randn(4, 3, 16, 16)
    assert resize_kernel(kernel, 16) is kernel


def test_another_scale_of_pixels_moves_into_the_kernel() -> None:
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(5, 3, 4, 4, generator=generator)
    bias = torch.randn(5, generator=generator)
    theirs = PixelScale(mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.2))
    pixel = torch.rand(1, 3, 4, 4, generator=generator)

    def seen(scale: PixelScale) -> torch.Tensor:
        mean, std = torch.tensor(scale.mean), torch.tensor(scale.std)
        return (pixel - mean[:, None, None]) / std[:, None, None]

    weight, shifted = for_our_pixels(kernel, bias, theirs)
    found = F.conv2d(seen(IMAGENET), weight, shifted)
    torch.testing.assert_close(found, F.conv2d(seen(theirs), kernel, bias), rtol=1e-4, atol=1e-4)


def test_imagenets_scale_rounded_to_three_digits_changes_no_bit() -> None:
    kernel, bias = torch.randn(4, 3, 2, 2), torch.randn(4)
    rounded = PixelScale(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    weight, same = for_our_pixels(kernel, bias, rounded)
    assert weight is kernel
    assert same is bias
