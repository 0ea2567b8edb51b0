"""From cells to pixels; the same answers as models.heads.warp and models.spatial.

A cell's nine neighbours are one 3x3 convolution away, and mixing them for its 16 pixels is one
small matrix product. Softmax divides exponentials by their sum, and that is the same mix of a map
of ones. Neighbours outside the image are zero in both, so they take part in neither.

Axes: b images, rows cols cells, h w pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from export.full_size import FACTOR, TAPS
from export.layout import channels_first, channels_last, copied

NEAR = 9
PIXELS = FACTOR * FACTOR
LARGEST_SCORE = 40.0
"""Of either sign. Sums of exponentials stay finite with any flow beside them, and above LEAST."""
LEAST = 1e-20  # outside of images the sums may be zero


class Enlarge(nn.Module):
    """By four: flow by learned shares, other maps bilinearly."""

    def __init__(self) -> None:
        super().__init__()
        near = torch.eye(NEAR).reshape(NEAR, 1, 3, 3)
        taps = torch.tensor(TAPS)
        bilinear = (taps[:, None, :, None] * taps[:, None]).flatten(0, 1)[:, None]
        self.register_buffer(
            "near_four",
            torch.block_diag(*[near[:, 0].flatten(1)] * 4).reshape(4 * NEAR, 4, 3, 3),
            persistent=False,
        )
        self.register_buffer("bilinear_one", bilinear, persistent=False)
        self.near_four: Tensor
        self.bilinear_one: Tensor

    def convex(
        self,
        flow: Float[Tensor, "b rows cols 2"],
        scores: Float[Tensor, "b rows cols k"],
        real: Float[Tensor, "b 1 rows cols"],
    ) -> Float[Tensor, "b h w 2"]:
        """Each pixel a convex combination of the real cells around it.

        Args:
            flow: zero where it is not real.
            scores: logits, k = 9 * 16, neighbour first, of at most LARGEST_SCORE.
            real: 1 for cells of the image.
        """
        b, rows, cols = flow.shape[:3]
        # Not shifted by their maximum: their size is bounded, see `check_scores`.
        shares = scores.exp().float().reshape(-1, NEAR, PIXELS)
        both = torch.cat([channels_first(flow), real, real], dim=1)
        near = channels_last(F.conv2d(both, self.near_four, padding=1))
        mixed, total = (near.reshape(-1, 4, NEAR) @ shares).split(2, dim=1)
        pixels = (mixed / total.clamp(min=LEAST)).reshape(b, rows, cols, 2, FACTOR, FACTOR)
        pixels = copied(pixels.permute(0, 1, 4, 2, 5, 3))
        return pixels.reshape(b, rows * FACTOR, cols * FACTOR, 2)

    def weights(self, real: Float[Tensor, "b 1 rows cols"]) -> Float[Tensor, "b p rows cols"]:
        """How much of the weights of each pixel lies inside."""
        # A pixel of the image has at least 5/8 along each axis; others may hold anything.
        return F.conv2d(real, self.bilinear_one, padding=1).clamp(min=0.25)

    def bilinear(
        self, x: Float[Tensor, "b 1 rows cols"], weights: Float[Tensor, "b p rows cols"]
    ) -> Float[Tensor, "b p rows cols"]:
        """The counterpart of models.spatial.upsample by four, by place of a pixel in its cell.

        Args:
            x: zero where it is not real.
            weights: of `weights`.
        """
        return F.conv2d(x, self.bilinear_one, padding=1) * weights


def check_scores(weight: Float[Tensor, "k c"], bias: Float[Tensor, " k"]) -> None:
    """Raise ValueError where scores of normalised features may be too large for exponentials."""
    weight, bias = weight.detach(), bias.detach()
    largest = float((weight.norm(dim=1) * weight.shape[1] ** 0.5 + bias.abs()).max())
    if largest > LARGEST_SCORE:
        raise ValueError(
            f"flow_head.mask gives scores of up to {largest:.0f}, expected at most "
            f"{LARGEST_SCORE:.0f}, whose exponentials add up in float32: its weights have "
            f"diverged, train again with weight decay"
        )
