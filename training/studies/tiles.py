"""Answers for whole images, in one pass or from overlapping tiles, which one pass must beat.

Axes: b images or tiles, c channels, h w pixels.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from models.dense_model import DenseModel
from models.heads.depth import depth_at_full_size
from models.spatial import upsample
from models.task import Task
from models.windows import whole_images

TILES_AT_ONCE = 8
OVERLAP = 0.25
"""Share of a tile's side that it has in common with the next one, at least."""

Images = UInt8[Tensor, "b h w 3"]
Answer = Callable[[Images, Images | None], Float[Tensor, "b c h w"]]


def answer_of(model: DenseModel, task: Task) -> Answer:
    """A model as a function of images: class probabilities, relative inverse depth (c = 1) or flow.

    Sides must be multiples of the model's stride.
    """
    device = next(model.parameters()).device

    @torch.inference_mode()
    def answer(image: Images, next_image: Images | None) -> Float[Tensor, "b c h w"]:
        size = torch.tensor([image.shape[1:3]] * len(image), device=device)
        encoded = model.encode(whole_images(image.to(device), size, exact=True))
        if task is Task.FLOW:
            assert next_image is not None
            second = model.encode(whole_images(next_image.to(device), size, exact=True))
            assert encoded.flow_features is not None
            assert second.flow_features is not None
            found = model.flow(encoded.flow_features, second.flow_features, encoded.placement)
            return found[-1].flow.float().cpu()
        maps = model.maps(encoded)
        if task is Task.DEPTH:
            assert maps.depth is not None
            return depth_at_full_size(maps.depth, None)[0][:, None].float().cpu()
        assert maps.logits is not None
        return upsample(maps.logits.float().softmax(1), 4, None).cpu()

    return answer


def whole(
    answer: Answer, image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None
) -> NDArray[np.float32]:
    """(c, h, w) in one pass."""
    second = None if next_image is None else torch.from_numpy(next_image)[None]
    return np.asarray(answer(torch.from_numpy(image)[None], second)[0].numpy())


def tiled(
    answer: Answer,
    image: NDArray[np.uint8],
    next_image: NDArray[np.uint8] | None,
    *,
    side: int,
) -> NDArray[np.float32]:
    """(c, h, w) from square tiles, averaged where they overlap, less weight towards their sides.

    Depth is averaged as it is: every tile has a scale of its own, which is a part of what tiling
    costs. A pair's tiles lie at the same place in both frames.
    """
    height, width = image.shape[:2]
    h, w = min(side, height), min(side, width)
    corners = [(y, x) for y in tile_starts(height, h) for x in tile_starts(width, w)]
    weight = np.minimum.outer(_ramp(h), _ramp(w))
    total: NDArray[np.float32] | None = None
    weights = np.zeros((height, width), np.float32)

    def stack(frame: NDArray[np.uint8], places: list[tuple[int, int]]) -> Tensor:
        return torch.from_numpy(np.stack([frame[y : y + h, x : x + w] for y, x in places]))

    for first in range(0, len(corners), TILES_AT_ONCE):
        some = corners[first : first + TILES_AT_ONCE]
        second = None if next_image is None else stack(next_image, some)
        found = answer(stack(image, some), second).numpy()
        if total is None:
            total = np.zeros((found.shape[1], height, width), np.float32)
        for piece, (y, x) in zip(found, some, strict=True):
            total[:, y : y + h, x : x + w] += piece * weight
            weights[y : y + h, x : x + w] += weight
    assert total is not None
    return total / weights


def tile_starts(length: int, tile: int) -> list[int]:
    """Where tiles begin: evenly, the first at 0, the last at the end, with enough overlap.

    >>> tile_starts(100, 40)
    [0, 30, 60]
    >>> tile_starts(40, 40)
    [0]
    """
    step = tile * (1 - OVERLAP)
    number = int(np.ceil((length - tile) / step)) + 1
    return [round(start) for start in np.linspace(0, length - tile, number)]


def _ramp(side: int) -> NDArray[np.float32]:
    """1 at the sides, one more with every pixel towards the middle."""
    place = np.arange(side)
    return np.minimum(place + 1, side - place).astype(np.float32)
