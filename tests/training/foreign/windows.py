"""One image as the encoder takes it."""

import torch
from torch import Tensor

from models.backbones.vit import VitBackbone
from models.windows import Placement, Windows
from training.foreign.encoder import Encoder, build_encoder
from training.foreign.patches import IMAGENET
from training.foreign.rename import rename


def whole(image: Tensor) -> Windows:
    """Normalised images [b, 3, h, w] of full size, one window each."""
    b, _, h, w = image.shape
    placement = Placement(
        origins=torch.zeros(b, 1, 2, dtype=torch.long),
        canvas=torch.tensor([[h, w]]).expand(b, 2),
        valid=None,
    )
    return Windows(pixels=image[:, None], placement=placement)


def encoder_of(state: dict[str, Tensor], *, num_heads: int | None = None) -> Encoder:
    """What a foreign state dict becomes."""
    return build_encoder(rename(state), num_heads=num_heads, pixel_scale=IMAGENET)


def imported(state: dict[str, Tensor], *, num_heads: int | None = None) -> VitBackbone:
    """The backbone that it becomes."""
    encoder = encoder_of(state, num_heads=num_heads)
    backbone = VitBackbone(encoder.config)
    backbone.load_state_dict(encoder.state)
    return backbone.eval()


@torch.no_grad()
def run(backbone: VitBackbone, image: Tensor) -> Tensor:
    """Its map, [b, c, rows, cols]."""
    found: Tensor = backbone(whole(image))[16]
    return found
