"""From stride 4 to every pixel, in the form that engines run fastest; same answers.

Bilinear enlargement by four has only 4 x 4 different sets of weights, one per place of a pixel in
its cell. So it is a fixed 3x3 convolution to 16 channels; winners are chosen among these, and only
the answers are spread over the image. Engines resize 11 classes to full size and then search the
class axis in steps of the image's size: 69 ms of CPU in OpenVINO, two 544x960 images, against 23.

Cells outside an image are zero and get no weight: each weighted mean is divided by the weight that
lies inside, which for bilinear weights is the same as repeating the border.

Axes: b images, c channels, k classes, rows cols cells, p the 4 places along one axis, h w pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped, UInt8
from torch import Tensor, nn

FACTOR = 4
TAPS = ((0.375, 0.625, 0.0), (0.125, 0.875, 0.0), (0.0, 0.875, 0.125), (0.0, 0.625, 0.375))
"""Weights of the cell before, the own and the next, for a pixel centre at (p + 0.5) / 4."""


class FullSize(nn.Module):
    """Enlarges what is zero outside the images."""

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor(TAPS)
        self.register_buffer("taps", taps)
        self.register_buffer("kernel", (taps[:, None, :, None] * taps[:, None]).flatten(0, 1))
        self.taps: Tensor
        self.kernel: Tensor

    def labels(
        self, logits: Float[Tensor, "b k rows cols"], inside: Bool[Tensor, "b rows cols"]
    ) -> tuple[UInt8[Tensor, "b h w"], Float[Tensor, "b h w"]]:
        """Winning class and its probability for every pixel.

        The counterpart of models.heads.segmentation.labels_at_full_size.
        """
        k = logits.shape[1]
        probabilities = logits.softmax(dim=1).masked_fill(~inside[:, None], 0.0)
        kernel = self.kernel[:, None].repeat(k, 1, 1, 1)
        places = F.conv2d(probabilities, kernel, padding=1, groups=k)
        confidence, labels = places.unflatten(1, (k, FACTOR**2)).max(dim=1)
        confidence = confidence.unflatten(1, (FACTOR, FACTOR)) / self._weight(inside)
        return spread(labels.byte().unflatten(1, (FACTOR, FACTOR))), spread(confidence)

    def smooth(
        self, x: Float[Tensor, "b c rows cols"], inside: Bool[Tensor, "b rows cols"]
    ) -> Float[Tensor, "b c h w"]:
        """The counterpart of models.spatial.upsample by four.

        Sums and products only, no convolution: what follows the last product stays in float32
        where an engine computes in bfloat16, whose 256 steps would show in a depth map.
        """
        x = x.masked_fill(~inside[:, None], 0.0)[:, :, None, None]
        x = self._along_cols(self._along_rows(x))
        return spread(x / self._weight(inside)[:, None])

    def _weight(self, inside: Bool[Tensor, "b rows cols"]) -> Float[Tensor, "b p p rows cols"]:
        """How much of the weights of a pixel lies inside; the inside is a rectangle."""
        # A pixel of the image has at least 5/8 along each axis; others may hold anything.
        real = inside[:, None, None].float()
        row = self._along_rows(real[..., 0][..., None]).clamp(min=0.5)
        col = self._along_cols(real[..., 0, :][..., None, :]).clamp(min=0.5)
        return row * col

    def _along_rows(
        self, x: Float[Tensor, "*b 1 p rows cols"]
    ) -> Float[Tensor, "*b 4 p rows cols"]:
        padded = F.pad(x, (0, 0, 1, 1))
        row = torch.arange(x.shape[-2], device=x.device)
        before, after = padded.index_select(-2, row), padded.index_select(-2, row + 2)
        taps = self.taps[..., None, None, None]
        return before * taps[:, 0] + x * taps[:, 1] + after * taps[:, 2]

    def _along_cols(
        self, x: Float[Tensor, "*b p 1 rows cols"]
    ) -> Float[Tensor, "*b p 4 rows cols"]:
        padded = F.pad(x, (1, 1))
        col = torch.arange(x.shape[-1], device=x.device)
        before, after = padded.index_select(-1, col), padded.index_select(-1, col + 2)
        taps = self.taps[..., None, None]
        return before * taps[:, 0] + x * taps[:, 1] + after * taps[:, 2]


def spread(x: Shaped[Tensor, "*b p p rows cols"]) -> Shaped[Tensor, "*b h w"]:
    """Put the pixels of each cell in their places."""
    x = x.movedim((-2, -4, -1, -3), (-4, -3, -2, -1))
    return x.flatten(-2).flatten(-3, -2)
