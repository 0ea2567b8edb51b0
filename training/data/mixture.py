"""What each optimizer step sees: a batch of real images, one of rendered scenes, one of pairs.

Each sample follows from the seed, its kind, the step and its number in the step alone: a run that
resumes, or that has another number of workers or of processes, sees the same, and a process makes
only its own share.
"""

from collections.abc import Callable
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
from training.data.share import Share
from training.data.token_budget import num_samples, tokens_of
from training.recipe import DataConfig
from training.win_win import cut, flipped, sample_windows

CROP_SCALE = (0.75, 1.8)
"""CamVid is resized by a factor in this range before a single crop is cut ..."""
TWO_WINDOWS_SCALE = (1.2, 3.0)
"""... and in this one before two windows are."""
SCENE_SCALE = (0.75, 1.3)
PAIR_SCALE = (0.65, 1.4)

Make = Callable[[np.random.Generator, bool], Cut]
"""From a source of chance, and whether there are two windows, to a sample."""
# What a random generator is for: the second number of its seed. 1 is training.run's draw_chance.
STEP, IMAGES, SCENES_ALONE, PAIRS = 0, 2, 3, 4


@dataclass(frozen=True)
class StepBatches(Dataset[list[Batch]]):
    """Step number -> the batches of that step."""

    config: DataConfig
    share: Share = Share()
    """Of the process; a batch that has fewer samples than processes is a blank one for the last."""

    def __getitem__(self, step: int) -> list[Batch]:
        two = self._has_two_windows(step)
        makers = ((IMAGES, self._image), (SCENES_ALONE, self._scene), (PAIRS, self._pair))
        parts = zip(makers, self._num_samples(two), strict=True)
        return [self._batch(kind, make, n, step, two) for (kind, make), n in parts if n]

    def _num_samples(self, two: bool) -> tuple[int, ...]:
        """Of images, scenes and pairs."""
        config = self.config
        ratio = (config.images_per_step, config.scenes_per_step, config.pairs_per_step)
        if config.tokens_per_step is None:
            return ratio
        square = tokens_of((config.square, config.square), num_windows=2)
        image = square if two else tokens_of(config.window)
        scene = square if two else tokens_of(config.pair_window)
        tokens = (image, scene, 2 * scene)
        return num_samples(config.tokens_per_step, ratio=ratio, tokens=tokens)

    def _has_two_windows(self, step: int) -> bool:
        rng = np.random.default_rng([self.config.seed, STEP, step])
        return bool(rng.random() < self.config.two_windows_share)

    def _batch(self, kind: int, make: Make, num_samples: int, step: int, two: bool) -> Batch:
        """This process's share of the samples of a kind."""
        own = self.share.of(num_samples)

        def cut_of(index: int) -> Cut:
            return make(np.random.default_rng([self.config.seed, kind, step, index]), two)

        if not own:  # of the right shape, and nothing is known about it
            return collate([cut_of(0)]).blank()
        return collate([cut_of(index) for index in own])

    @cached_property
    def _camvid(self) -> CamVid:
        return CamVid(split="train")

    @cached_property
    def _pairs(self) -> RenderedPairs:
        return RenderedPairs(config=self.config)

    def _image(self, rng: np.random.Generator, two: bool) -> Cut:
        sample = self._camvid[int(rng.integers(len(self._camvid)))]
        if rng.random() < 0.5:
            sample = flip(sample)
        low, high = TWO_WINDOWS_SCALE if two else CROP_SCALE
        ratio = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        stretch = float(np.exp(rng.uniform(-0.1, 0.1)))
        window = self.config.window
        side = self.config.square
        need = (2 * side, 2 * side) if two else window  # two squares must not overlap
        sample = scale(sample, _scaled(sample, ratio * stretch, ratio / stretch, need))
        if not two:
            # A crop is a canvas of its own: what lies around it is not known at test either.
            sample = _piece(rng, sample, window)
        sample = jitter_colour(rng, sample)
        if rng.random() < 0.2:
            sample = blur(rng, sample)
        if not two:
            return cut(sample, np.zeros((1, 2), np.int64), window)
        corners = sample_windows(rng, canvas=sample.size, side=side, num_windows=2, stride=STRIDE)
        return cut(sample, corners, (side, side))

    def _scene(self, rng: np.random.Generator, two: bool) -> Cut:
        if two:
            windows = self._pairs.windows(rng, SCENES)
            windows = flipped(windows) if rng.random() < 0.5 else windows
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

    def _pair(self, rng: np.random.Generator, two: bool) -> Cut:
        if two:
            windows = self._pairs.windows(rng)
            return flipped(windows) if rng.random() < 0.5 else windows
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
