"""Patch kernels for another patch size and another scale of pixels, with the same answers."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.image.normalize import MEAN, STD
from training.foreign.source import PixelScale

IMAGENET = PixelScale(
    mean=(MEAN[0] / 255, MEAN[1] / 255, MEAN[2] / 255),
    std=(STD[0] / 255, STD[1] / 255, STD[2] / 255),
)
"""What our own models see."""
SAME = 1e-4  # scales that differ by less are ImageNet's, rounded otherwise


def resize_kernel(kernel: Float[Tensor, "c 3 p p"], size: int) -> Float[Tensor, "c 3 s s"]:
    """The kernel whose answer to a resized patch is the old one's answer to the patch itself.

    A bilinear resize is a matrix B; the new kernel w' = pinv(B^T) w has <w', B x> = <w, x> for
    every patch x when it grows, and comes closest over random patches when it shrinks.

    Source: FlexiViT, arXiv 2212.08013, section 3.4 (PI-resize).
    """
    old = kernel.shape[-1]
    if old == size:
        return kernel
    unit = torch.eye(old * old, dtype=torch.float64).reshape(old * old, 1, old, old)
    resized = F.interpolate(unit, size=(size, size), mode="bilinear", antialias=size < old)
    inverse = torch.linalg.pinv(resized.flatten(1))  # rows of `resized` are columns of B
    found: Tensor = kernel.double().flatten(2) @ inverse.T
    found = found.unflatten(-1, (size, size))
    return found.to(kernel.dtype)


def for_our_pixels(
    kernel: Float[Tensor, "c 3 p p"], bias: Float[Tensor, " c"], scale: PixelScale
) -> tuple[Float[Tensor, "c 3 p p"], Float[Tensor, " c"]]:
    """Kernel and bias that take pixels on our scale and answer as they did on their own."""
    ours, theirs = _rows(IMAGENET), _rows(scale)
    if bool((ours - theirs).abs().max() < SAME):
        return kernel, bias
    # p / 255 = ours * std + mean, and the same pixel is (p / 255 - m) / s to them.
    gain = ours[1] / theirs[1]
    shift = (ours[0] - theirs[0]) / theirs[1]
    weight = kernel.double()
    more = (weight * shift[:, None, None]).sum((1, 2, 3))
    return (weight * gain[:, None, None]).to(kernel.dtype), (bias.double() + more).to(bias.dtype)


def _rows(scale: PixelScale) -> Float[Tensor, "2 3"]:
    return torch.tensor([scale.mean, scale.std], dtype=torch.float64)
