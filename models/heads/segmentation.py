"""One class per pixel.

Axes: b images, c channels, rows cols cells at stride 4, h w pixels.
"""

from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from models.config import SegmentationConfig
from models.spatial import upsample


class SegmentationHead(nn.Module):
    """Class logits at stride 4, by a 1x1 projection of the finest features."""

    def __init__(self, config: SegmentationConfig, *, in_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_channels)
        self.project = nn.Linear(in_channels, len(config.class_names))

    def forward(
        self, features: Float[Tensor, "b c rows cols"]
    ) -> Float[Tensor, "b classes rows cols"]:
        logits: Tensor = self.project(self.norm(features.permute(0, 2, 3, 1)))
        return logits.permute(0, 3, 1, 2)


def labels_at_full_size(
    logits: Float[Tensor, "b classes rows cols"], valid_cells: Int[Tensor, "b 2"] | None
) -> tuple[UInt8[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """Winning class and its probability for every pixel.

    Probabilities are up-sampled rather than logits: they still sum to one, and the exponentials are
    taken on a sixteenth of the pixels.
    """
    probabilities = upsample(logits.softmax(dim=1), 4, valid_cells)
    confidence, labels = probabilities.max(dim=1)
    return labels.byte(), confidence
