"""One random sample of each kind of data, augmented and cut.

Each function of chance here is given what to cut: one crop of a size, which is a canvas of its own
(what lies around it is not known at test either), or Win-Win's squares of a larger canvas.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from models.task import CLASS_NAMES
from training.data.augment import crop, flip, jitter_colour, jitter_pair_colour, scale, tilt
from training.data.catalog import Joined
from training.data.degradation import add_noise, blur, erase_next
from training.data.real import draw, look_at, open_labelled, open_pairs, open_with_depth
from training.data.rendered import SCENES, RenderedPairs
from training.data.sample import Cut, Sample
from training.data.win_win import WindowShape, cut
from training.data.windowed import windows_of
from training.recipe import DataConfig

CROP_SCALE = (0.75, 1.8)
"""CamVid is resized by a factor in this range before a crop of the usual size is cut."""
CAMVID_SIDE_PX = 360
"""The shorter one. Larger images are seen as small as CamVid's, too."""
DEPTH_ZOOM = 2.0
"""A crop of a real image with depth sees between the whole and this fraction of it."""
SCENE_SCALE = (0.75, 1.3)
PAIR_SCALE = (0.65, 1.4)
TILTED_SHARE = 0.2
"""Of scenes and pairs."""

Target = tuple[int, int] | WindowShape
"""(height, width) in pixels of a crop, or Win-Win's squares."""


@dataclass(frozen=True)
class Draws:
    """Samples of the data that a recipe names, each a pure function of a source of chance."""

    config: DataConfig
    class_names: tuple[str, ...]
    """Of the model, which the labelled images must have; empty without a segmentation head."""

    def check(self) -> None:
        """Before the first step: that all data that some step draws from are there and can be read.

        Raises:
            RealDataError: a data set does not teach what it is named for.
            CatalogError: it is not known.
            FileFormatError: it is missing or broken.
        """
        c = self.config
        if c.images_per_step:
            look_at(self._labelled, named_by="data.labelled")
        if c.depth and c.depth_images_per_step:
            look_at(self._with_depth, named_by="data.depth")
        if c.pairs and c.real_pairs_per_step:
            look_at(self._real_pairs, named_by="data.pairs")
        self._pairs.check()

    def image(self, rng: np.random.Generator, target: Target) -> Cut:
        """A real image with labels."""
        sample = draw(rng, self._labelled)
        sample = replace(sample, next_image=None, flow=None, occluded=None)
        if rng.random() < 0.5:
            sample = flip(sample)
        if isinstance(target, WindowShape):
            return windows_of(rng, jitter_colour(rng, sample), self.config.windows, target)
        low, high = CROP_SCALE
        low *= min(CAMVID_SIDE_PX / min(sample.size), 1.0)
        ratio = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        ratio *= target[0] / self.config.window[0]  # a larger crop sees as much, larger
        stretch = float(np.exp(rng.uniform(-0.1, 0.1)))
        sample = scale(sample, _scaled(sample, ratio * stretch, ratio / stretch, target))
        sample = jitter_colour(rng, _piece(rng, sample, target))
        if rng.random() < 0.2:
            sample = blur(rng, sample)
        return _whole(sample)

    def scene(self, rng: np.random.Generator, target: Target) -> Cut:
        """A rendered scene without its second frame."""
        if isinstance(target, WindowShape):
            windows = self._pairs.windows(rng, target, SCENES)
            windows = replace(windows, next_image=None, next_origins=None, flow=None, occluded=None)
            return self._with_own_classes(windows)
        sample = self._pairs.whole(rng, SCENES)
        sample = replace(sample, next_image=None, flow=None, occluded=None)
        sample = _mirrored_or_tilted(rng, sample)
        # How deep a scene is shows in what surrounds it: half of them are seen whole.
        whole = rng.random() < 0.5
        ratio = SCENE_SCALE[0] if whole else float(np.exp(rng.uniform(*np.log(SCENE_SCALE))))
        sample = self._rendered_piece(rng, sample, ratio, target)
        return self._with_own_classes(_whole(_degrade(rng, sample)))

    def pair(self, rng: np.random.Generator, target: Target) -> Cut:
        """A rendered pair."""
        if isinstance(target, WindowShape):
            # Rendered windows are not tilted: what would turn into them was never rendered.
            return self._with_own_classes(self._pairs.windows(rng, target))
        sample = _mirrored_or_tilted(rng, self._pairs.whole(rng))
        ratio = float(np.exp(rng.uniform(*np.log(PAIR_SCALE)))) if rng.random() < 0.7 else 1.0
        sample = self._rendered_piece(rng, sample, ratio, target)
        return self._with_own_classes(_whole(_degrade_pair(rng, sample)))

    def depth_image(self, rng: np.random.Generator, target: Target) -> Cut:
        """A real image with depth."""
        sample = draw(rng, self._with_depth)
        sample = replace(sample, next_image=None, labels=None, flow=None, occluded=None)
        sample = _mirrored_or_tilted(rng, sample)
        if isinstance(target, WindowShape):
            return windows_of(rng, _degrade(rng, sample), self.config.windows, target)
        whole = max(target[0] / sample.size[0], target[1] / sample.size[1])
        ratio = whole * float(np.exp(rng.uniform(0, np.log(DEPTH_ZOOM))))
        sample = _piece(rng, scale(sample, _scaled(sample, ratio, ratio, target)), target)
        return _whole(_degrade(rng, sample))

    def real_pair(self, rng: np.random.Generator, target: Target) -> Cut:
        """A real pair with flow."""
        sample = _mirrored_or_tilted(rng, replace(draw(rng, self._real_pairs), labels=None))
        if isinstance(target, WindowShape):
            return windows_of(rng, _degrade_pair(rng, sample), self.config.windows, target)
        whole = max(target[0] / sample.size[0], target[1] / sample.size[1])
        # From all of it to a piece at its own size.
        largest = max(PAIR_SCALE[1], PAIR_SCALE[1] * whole)
        ratio = float(np.exp(rng.uniform(np.log(whole), np.log(largest))))
        sample = _piece(rng, scale(sample, _scaled(sample, ratio, ratio, target)), target)
        return _whole(_degrade_pair(rng, sample))

    @cached_property
    def _labelled(self) -> Joined:
        return open_labelled(self.config.labelled, self.class_names)

    @cached_property
    def _with_depth(self) -> Joined:
        return open_with_depth(self.config.depth)

    @cached_property
    def _real_pairs(self) -> Joined:
        return open_pairs(self.config.pairs)

    @cached_property
    def _pairs(self) -> RenderedPairs:
        return RenderedPairs(config=self.config)

    def _rendered_piece(
        self, rng: np.random.Generator, sample: Sample, ratio: float, size: tuple[int, int]
    ) -> Sample:
        """A crop at a scale that is meant for the usual size of crops."""
        ratio *= size[0] / self.config.pair_window[0]
        return _piece(rng, scale(sample, _scaled(sample, ratio, ratio, size)), size)

    def _with_own_classes(self, windows: Cut) -> Cut:
        """Rendered labels are CamVid's classes: nothing to a model of others."""
        return windows if self.class_names == CLASS_NAMES else replace(windows, labels=None)


def _whole(sample: Sample) -> Cut:
    return cut(sample, np.zeros((1, 2), np.int64), sample.size)


def _mirrored_or_tilted(rng: np.random.Generator, sample: Sample) -> Sample:
    """Or both, or as it was."""
    if rng.random() < 0.5:
        sample = flip(sample)
    return tilt(rng, sample) if rng.random() < TILTED_SHARE else sample


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
