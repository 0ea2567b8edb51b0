"""Colours of a batch changed where it lies, for copies of one image that shall look unlike.

Axes: b samples, n windows, h w pixels.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from training.data.batch import Batch
from training.data.colour import ColourJitter

COLOURS: Final = ColourJitter(
    gamma=0.1, brightness=0.15, contrast=0.15, saturation=0.2, hue_deg=0.0, grey_share=0.0
)
"""Less than for the image itself, whose own colours were drawn before."""
LUMA: Final = (0.299, 0.587, 0.114)


@torch.no_grad()
def recoloured(batch: Batch, rng: np.random.Generator) -> Batch:
    """Other camera settings, the same for all: each image had settings of its own before.

    So what a sample looks like does not depend on the others that a process has of its batch.
    """
    colour = COLOURS.draw(rng)

    def change(image: UInt8[Tensor, "b n h w 3"]) -> UInt8[Tensor, "b n h w 3"]:
        x = (image / 255.0) ** colour.gamma * colour.brightness
        x = ((x - 0.5) * colour.contrast + 0.5).clamp(0.0, 1.0)
        grey = (x * x.new_tensor(LUMA)).sum(-1, keepdim=True)
        x = grey + colour.saturation * (x - grey)
        return (x.clamp(0.0, 1.0) * 255.0).round().byte()

    second = batch.next_image
    return replace(
        batch,
        image=change(batch.image),
        next_image=None if second is None else change(second),
    )
