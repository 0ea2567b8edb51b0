"""What each optimizer step sees: a batch of real images, one of rendered scenes, one of pairs; and
where a recipe names such data, one of real images with depth and one of real pairs.

The data of a step follow from the seed and the step alone, so a run that resumes, or that has
another number of workers, sees the same.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from torch.utils.data import Dataset

from models.task import CLASS_NAMES
from models.windows import STRIDE
from training.data.augment import crop, flip, jitter_colour, jitter_pair_colour, scale, tilt
from training.data.batch import Batch, collate
from training.data.degradation import add_noise, blur, erase_next
from training.data.reader import Reader
from training.data.real import draw, open_labelled, open_pairs, open_with_depth
from training.data.rendered import SCENES, RenderedPairs
from training.data.sample import Cut, Sample
from training.recipe import DataConfig
from training.win_win import cut, flipped, follow_motion, sample_windows

CROP_SCALE = (0.75, 1.8)
"""CamVid is resized by a factor in this range before a single crop is cut ..."""
TWO_WINDOWS_SCALE = (1.2, 3.0)
"""... and in this one before two windows are."""
CAMVID_SIDE_PX = 360
"""The shorter one. Larger images are seen as small as CamVid's, too."""
DEPTH_ZOOM = 2.0
"""A crop of a real image with depth sees between the whole and this fraction of it."""
SCENE_SCALE = (0.75, 1.3)
PAIR_SCALE = (0.65, 1.4)
TILTED_SHARE = 0.2
"""Of scenes and pairs."""
# What a random generator is for: the second number of its seed. 1 is training.run's draw_chance.
STEP, DEPTH_IMAGES, REAL_PAIRS = 0, 5, 6


@dataclass(frozen=True)
class StepBatches(Dataset[list[Batch]]):
    """Step number -> the batches of that step."""

    config: DataConfig
    class_names: tuple[str, ...] = CLASS_NAMES
    """Of the model, which the labelled images must have; empty without a segmentation head."""

    def __getitem__(self, step: int) -> list[Batch]:
        rng = np.random.default_rng([self.config.seed, STEP, step])
        two = bool(rng.random() < self.config.two_windows_share)
        batches = []
        if self.config.images_per_step:
            images = [self._image(rng, two) for _ in range(self.config.images_per_step)]
            batches.append(collate(images))
        if self.config.scenes_per_step:
            scenes = [self._scene(rng, two) for _ in range(self.config.scenes_per_step)]
            batches.append(collate(scenes, rendered=True))
        if self.config.pairs_per_step:
            pairs = [self._pair(rng, two) for _ in range(self.config.pairs_per_step)]
            batches.append(collate(pairs, rendered=True))
        # Their own sources of chance: data that is added leaves the rest as it was.
        if self.config.depth and self.config.depth_images_per_step:
            rng = np.random.default_rng([self.config.seed, DEPTH_IMAGES, step])
            number = self.config.depth_images_per_step
            batches.append(collate([self._depth_image(rng, two) for _ in range(number)]))
        if self.config.pairs and self.config.real_pairs_per_step:
            rng = np.random.default_rng([self.config.seed, REAL_PAIRS, step])
            number = self.config.real_pairs_per_step
            batches.append(collate([self._real_pair(rng, two) for _ in range(number)]))
        return batches

    @cached_property
    def _labelled(self) -> Reader:
        return open_labelled(self.config.labelled, self.class_names)

    @cached_property
    def _with_depth(self) -> Reader:
        return open_with_depth(self.config.depth)

    @cached_property
    def _real_pairs(self) -> Reader:
        return open_pairs(self.config.pairs)

    @cached_property
    def _pairs(self) -> RenderedPairs:
        return RenderedPairs(config=self.config)

    def _image(self, rng: np.random.Generator, two: bool) -> Cut:
        sample = draw(rng, self._labelled)
        sample = replace(sample, next_image=None, flow=None, occluded=None)
        if rng.random() < 0.5:
            sample = flip(sample)
        low, high = _scale_limits(sample, two)
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
            windows = replace(windows, next_image=None, next_origins=None, flow=None, occluded=None)
            return self._with_own_classes(windows)
        sample = self._pairs.whole(rng, SCENES)
        sample = replace(sample, next_image=None, flow=None, occluded=None)
        sample = _mirrored_or_tilted(rng, sample)
        # How deep a scene is shows in what surrounds it: half of them are seen whole.
        whole = rng.random() < 0.5
        ratio = SCENE_SCALE[0] if whole else float(np.exp(rng.uniform(*np.log(SCENE_SCALE))))
        sample = scale(sample, _scaled(sample, ratio, ratio, self.config.pair_window))
        sample = _piece(rng, sample, self.config.pair_window)
        windows = cut(_degrade(rng, sample), np.zeros((1, 2), np.int64), sample.size)
        return self._with_own_classes(windows)

    def _pair(self, rng: np.random.Generator, two: bool) -> Cut:
        if two:
            # Rendered windows are not tilted: what would turn into them was never rendered.
            windows = self._pairs.windows(rng)
            windows = flipped(windows) if rng.random() < 0.5 else windows
            return self._with_own_classes(windows)
        sample = _mirrored_or_tilted(rng, self._pairs.whole(rng))
        ratio = float(np.exp(rng.uniform(*np.log(PAIR_SCALE))))
        if rng.random() < 0.7:
            sample = scale(sample, _scaled(sample, ratio, ratio, self.config.pair_window))
        sample = _degrade_pair(rng, _piece(rng, sample, self.config.pair_window))
        return self._with_own_classes(cut(sample, np.zeros((1, 2), np.int64), sample.size))

    def _depth_image(self, rng: np.random.Generator, two: bool) -> Cut:
        sample = draw(rng, self._with_depth)
        sample = replace(sample, next_image=None, labels=None, flow=None, occluded=None)
        sample = _mirrored_or_tilted(rng, sample)
        if two:
            return self._two_windows(rng, _degrade(rng, self._canvas(rng, sample)))
        window = self.config.pair_window
        whole = max(window[0] / sample.size[0], window[1] / sample.size[1])
        ratio = whole * float(np.exp(rng.uniform(0, np.log(DEPTH_ZOOM))))
        sample = _piece(rng, scale(sample, _scaled(sample, ratio, ratio, window)), window)
        return cut(_degrade(rng, sample), np.zeros((1, 2), np.int64), window)

    def _real_pair(self, rng: np.random.Generator, two: bool) -> Cut:
        sample = _mirrored_or_tilted(rng, replace(draw(rng, self._real_pairs), labels=None))
        if two:
            return self._two_windows(rng, _degrade_pair(rng, self._canvas(rng, sample)))
        window = self.config.pair_window
        whole = max(window[0] / sample.size[0], window[1] / sample.size[1])
        # From all of it to a piece at its own size.
        largest = max(PAIR_SCALE[1], PAIR_SCALE[1] * whole)
        ratio = float(np.exp(rng.uniform(np.log(whole), np.log(largest))))
        sample = _piece(rng, scale(sample, _scaled(sample, ratio, ratio, window)), window)
        return cut(_degrade_pair(rng, sample), np.zeros((1, 2), np.int64), window)

    def _canvas(self, rng: np.random.Generator, sample: Sample) -> Sample:
        """The sample at the size of a canvas for two windows."""
        ratio = float(np.exp(rng.uniform(*np.log(_scale_limits(sample, two=True)))))
        side = 2 * self.config.square
        return scale(sample, _scaled(sample, ratio, ratio, (side, side)))

    def _two_windows(self, rng: np.random.Generator, sample: Sample) -> Cut:
        """Two squares of a canvas; those of a second frame follow what moves."""
        side = self.config.square
        corners = sample_windows(rng, canvas=sample.size, side=side, num_windows=2, stride=STRIDE)
        windows = cut(sample, corners, (side, side))
        if sample.next_image is None:
            return windows
        moved = follow_motion(rng, windows, stride=STRIDE)
        return cut(sample, corners, (side, side), moved)

    def _with_own_classes(self, windows: Cut) -> Cut:
        """Rendered labels are CamVid's classes: nothing to a model of others."""
        return windows if self.class_names == CLASS_NAMES else replace(windows, labels=None)


def _mirrored_or_tilted(rng: np.random.Generator, sample: Sample) -> Sample:
    """Or both, or as it was."""
    if rng.random() < 0.5:
        sample = flip(sample)
    return tilt(rng, sample) if rng.random() < TILTED_SHARE else sample


def _scale_limits(sample: Sample, two: bool) -> tuple[float, float]:
    """Factors that an image may be resized by, before one crop or two windows are cut."""
    low, high = TWO_WINDOWS_SCALE if two else CROP_SCALE
    smaller = min(CAMVID_SIDE_PX / min(sample.size), 1.0)
    return low * smaller, high * smaller if two else high


def _degrade_pair(rng: np.random.Generator, sample: Sample) -> Sample:
    """What differs between two frames of a camera, and what hides a part of the second."""
    if rng.random() < 0.2:
        sample = jitter_pair_colour(rng, sample)
    sample = _degrade(rng, sample)
    return erase_next(rng, sample) if rng.random() < 0.2 else sample


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
