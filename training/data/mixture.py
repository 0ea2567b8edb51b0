"""What each optimizer step sees: a batch of real images, one of rendered scenes, one of pairs.

The data of a step follow from the seed and the step alone, so a run that resumes, or that has
another number of workers, sees the same.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from torch.utils.data import Dataset

from models.windows import STRIDE
from training.data.augment import crop, flip, jitter_colour, jitter_pair_colour, scale
from training.data.batch import Batch, collate
from training.data.camvid import CamVid
from training.data.degradation import add_noise, blur, erase_next
from training.data.rendered import SCENES, RenderedPairs
from training.data.sample import Cut, Sample
from training.data.windowed import windows_of
from training.recipe import DataConfig
from training.win_win import WindowShape, cut, draw_shape

CROP_SCALE = (0.75, 1.8)
"""CamVid is resized by a factor in this range before a crop is cut."""
SCENE_SCALE = (0.75, 1.3)
PAIR_SCALE = (0.65, 1.4)


@dataclass(frozen=True)
class StepBatches(Dataset[list[Batch]]):
    """Step number -> the batches of that step."""

    config: DataConfig

    def __getitem__(self, step: int) -> list[Batch]:
        rng = np.random.default_rng([self.config.seed, 0, step])
        squares = None
        if rng.random() < self.config.two_windows_share:
            squares = draw_shape(rng, self.config.windows, stride=STRIDE)
        batches = []
        if self.config.images_per_step:
            images = [self._image(rng, squares) for _ in range(self.config.images_per_step)]
            batches.append(collate(images))
        if self.config.scenes_per_step:
            scenes = [self._scene(rng, squares) for _ in range(self.config.scenes_per_step)]
            batches.append(collate(scenes))
        if self.config.pairs_per_step:
            pairs = [self._pair(rng, squares) for _ in range(self.config.pairs_per_step)]
            batches.append(collate(pairs))
        return batches

    @cached_property
    def _camvid(self) -> CamVid:
        return CamVid(split="train")

    @cached_property
    def _pairs(self) -> RenderedPairs:
        return RenderedPairs(config=self.config)

    def _image(self, rng: np.random.Generator, squares: WindowShape | None) -> Cut:
        sample = self._camvid[int(rng.integers(len(self._camvid)))]
        if rng.random() < 0.5:
            sample = flip(sample)
        if squares is not None:
            return windows_of(rng, jitter_colour(rng, sample), self.config.windows, squares)
        ratio = float(np.exp(rng.uniform(*np.log(CROP_SCALE))))
        stretch = float(np.exp(rng.uniform(-0.1, 0.1)))
        window = self.config.window
        sample = scale(sample, _scaled(sample, ratio * stretch, ratio / stretch, window))
        # A crop is a canvas of its own: what lies around it is not known at test either.
        sample = jitter_colour(rng, _piece(rng, sample, window))
        if rng.random() < 0.2:
            sample = blur(rng, sample)
        return cut(sample, np.zeros((1, 2), np.int64), window)

    def _scene(self, rng: np.random.Generator, squares: WindowShape | None) -> Cut:
        if squares is not None:
            windows = self._pairs.windows(rng, squares, SCENES)
            return replace(windows, next_image=None, next_origins=None, flow=None, occluded=None)
        sample = self._pairs.whole(rng, SCENES)
        sample = replace(sample, next_image=None, flow=None, occluded=None)
        if rng.random() < 0.5:
            sample = flip(sample)
        # How deep a scene is shows in what surrounds it: half of them are seen whole.
        whole = rng.random() < 0.5
        ratio = SCENE_SCALE[0] if whole else float(np.exp(rng.uniform(*np.log(SCENE_SCALE))))
        sample = scale(sample, _scaled(sample, ratio, ratio, self.config.pair_window))
        sample = _piece(rng, sample, self.config.pair_window)
        return cut(_degrade(rng, sample), np.zeros((1, 2), np.int64), sample.size)

    def _pair(self, rng: np.random.Generator, squares: WindowShape | None) -> Cut:
        if squares is not None:
            return self._pairs.windows(rng, squares)
        sample = self._pairs.whole(rng)
        if rng.random() < 0.5:
            sample = flip(sample)
        ratio = float(np.exp(rng.uniform(*np.log(PAIR_SCALE))))
        if rng.random() < 0.7:
            sample = scale(sample, _scaled(sample, ratio, ratio, self.config.pair_window))
        sample = _piece(rng, sample, self.config.pair_window)
        if rng.random() < 0.2:
            sample = jitter_pair_colour(rng, sample)
        sample = _degrade(rng, sample)
        if rng.random() < 0.2:
            sample = erase_next(rng, sample)
        return cut(sample, np.zeros((1, 2), np.int64), sample.size)


def _degrade(rng: np.random.Generator, sample: Sample) -> Sample:
    """What cameras do to a picture and a renderer does not."""
    sample = jitter_colour(rng, sample)
    if rng.random() < 0.3:
        sample = blur(rng, sample)
    return add_noise(rng, sample) if rng.random() < 0.5 else sample


def _piece(rng: np.random.Generator, sample: Sample, size: tuple[int, int]) -> Sample:
    y = int(rng.integers(sample.size[0] - size[0] + 1))
    x = int(rng.integers(sample.size[1] - size[1] + 1))
    return crop(sample, (y, x), size)


def _scaled(
    sample: Sample, down: float, right: float, at_least: tuple[int, int]
) -> tuple[int, int]:
    height, width = sample.size
    return max(round(height * down), at_least[0]), max(round(width * right), at_least[1])
