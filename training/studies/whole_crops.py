"""Training data whose resolution is that of its canvas: crops that show almost all of an image."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from torch.utils.data import Dataset

from training.data.augment import crop, flip, jitter_colour, scale
from training.data.batch import Batch, collate
from training.data.readers.camvid import CamVid
from training.data.rendered import SCENES, RenderedPairs
from training.data.sample import Cut, Sample
from training.data.win_win import cut
from training.recipe import DataConfig

MIN_SHARE: Final = 0.75
"""Of the sides of the largest crop of the canvas's shape. Things are seen as large as at test."""


@dataclass(frozen=True)
class WholeCrops(Dataset[list[Batch]]):
    """Step number -> a batch of CamVid images, one of rendered scenes, one of rendered pairs.

    The crops of a step do not depend on the canvas but for its shape.
    """

    canvas: tuple[int, int]
    """(height, width) in pixels."""
    images_per_step: int = 3
    scenes_per_step: int = 3
    pairs_per_step: int = 2
    num_rendered: int = 800
    """Layered pairs to draw from, and as many of streets and rooms together."""
    seed: int = 0

    def __getitem__(self, step: int) -> list[Batch]:
        rng = np.random.default_rng([self.seed, 0, step])
        images = [self._image(rng) for _ in range(self.images_per_step)]
        scenes = [self._scene(rng) for _ in range(self.scenes_per_step)]
        pairs = [self._fitted(rng, self._pairs.whole(rng)) for _ in range(self.pairs_per_step)]
        kinds = ((images, False), (scenes, True), (pairs, True))
        return [collate(cuts, rendered=rendered) for cuts, rendered in kinds if cuts]

    @cached_property
    def _camvid(self) -> CamVid:
        return CamVid(split="train")

    @cached_property
    def _pairs(self) -> RenderedPairs:
        number = self.num_rendered
        return RenderedPairs(config=DataConfig(num_scenes=number, num_layered=number))

    def _image(self, rng: np.random.Generator) -> Cut:
        return self._fitted(rng, self._camvid[int(rng.integers(len(self._camvid)))])

    def _scene(self, rng: np.random.Generator) -> Cut:
        sample = self._pairs.whole(rng, SCENES)
        return self._fitted(rng, replace(sample, next_image=None, flow=None, occluded=None))

    def _fitted(self, rng: np.random.Generator, sample: Sample) -> Cut:
        """A crop of the canvas's shape, at the canvas's resolution."""
        if rng.random() < 0.5:
            sample = flip(sample)
        share = float(rng.uniform(MIN_SHARE, 1.0))
        size = largest(sample.size, self.canvas[1] / self.canvas[0], share=share)
        free = (sample.size[0] - size[0], sample.size[1] - size[1])
        corner = (int(rng.integers(free[0] + 1)), int(rng.integers(free[1] + 1)))
        sample = jitter_colour(rng, scale(crop(sample, corner, size), self.canvas))
        return cut(sample, np.zeros((1, 2), np.int64), self.canvas)


def largest(size: tuple[int, int], shape: float, *, share: float = 1.0) -> tuple[int, int]:
    """(height, width) of the largest crop of an image whose width is `shape` times its height.

    Args:
        size: (height, width) of the image.
        shape: width / height.
        share: of the sides of that crop.

    >>> largest((360, 480), 1.0), largest((360, 480), 16 / 9), largest((360, 480), 0.5, share=0.5)
    ((360, 360), (270, 480), (180, 90))
    """
    height = min(size[0], size[1] / shape) * share
    return max(round(height), 1), max(min(round(height * shape), size[1]), 1)
