"""Images that are large enough for full resolution to cost something, by task.

Axes: h w pixels.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch

from models.task import Task
from training.data.augment import crop, flip, jitter_colour, scale
from training.data.degradation import add_noise
from training.data.pool import Pool
from training.data.readers.camvid import CamVid
from training.data.sample import Cut, Sample
from training.data.synthetic.layered import render_pair
from training.data.synthetic.scene import render_scene
from training.running.cores import NUM_CORES

ENLARGED = (1.0, 1.5)
"""A piece of a training image, smaller by a factor in this range, fills the canvas."""
POOLS = Path("runs/pools")
CAMVID = "camvid:train"
"""The labelled images to train on, as the catalogue calls them."""
VERSION = 2
"""Of what is rendered here, and of how exactly it is kept."""
FEW = 16
"""Scenes that are rendered sooner than a process starts that would help."""
TEST_SEED = 10**7
"""Held-out scenes are numbered from here: no training scene has such a seed."""


@runtime_checkable
class Canvases(Protocol):
    """Training and held-out images of one size, with the truth of one task."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in px of every image."""
        ...

    @property
    def num_test(self) -> int:
        """Held-out images."""
        ...

    @property
    def rendered(self) -> bool:
        """Whether a renderer made them: their labels count less."""
        ...

    def prepare(self) -> None:
        """Make what can be made ahead, so that no method pays for it."""
        ...

    def train(self, rng: np.random.Generator) -> Sample:
        """A training image, drawn and augmented at random."""
        ...

    def test(self, index: int) -> Sample:
        """A held-out image as it is."""
        ...


@dataclass(frozen=True)
class EnlargedCamVid:
    """CamVid, enlarged to the canvas; its validation clip is held out."""

    size: tuple[int, int]
    """(height, width) in px."""
    rendered: Literal[False] = False

    @cached_property
    def _train(self) -> CamVid:
        return CamVid(split="train")

    @cached_property
    def _val(self) -> CamVid:
        return CamVid(split="val")

    @property
    def num_test(self) -> int:
        return len(self._val)

    def prepare(self) -> None:
        len(self._train)  # reads the list of names: a missing data set is reported now

    def train(self, rng: np.random.Generator) -> Sample:
        sample = self._train[int(rng.integers(len(self._train)))]
        if rng.random() < 0.5:
            sample = flip(sample)
        ratio = float(np.exp(rng.uniform(*np.log(ENLARGED))))
        height, width = (round(side / ratio) for side in sample.size)
        y = int(rng.integers(sample.size[0] - height + 1))
        x = int(rng.integers(sample.size[1] - width + 1))
        sample = jitter_colour(rng, crop(sample, (y, x), (height, width)))
        return scale(sample, self.size)

    def test(self, index: int) -> Sample:
        return scale(self._val[index], self.size)


@dataclass(frozen=True)
class RenderedCanvases:
    """Rendered street scenes for depth, rendered layered pairs for flow; no data set is needed."""

    size: tuple[int, int]
    """(height, width) in px."""
    task: Task
    num_train: int
    num_test: int
    rendered: Literal[True] = True

    def prepare(self) -> None:
        work = [(self, index) for index in range(self.num_train)]
        work += [(self, TEST_SEED + index) for index in range(self.num_test)]
        missing = [item for item in work if not self._pool.has(item[1])]
        if len(missing) < FEW:
            for item in missing:
                _fill(item)
            return
        # Not forked: torch may have threads already.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            NUM_CORES, mp_context=context, initializer=_one_thread
        ) as executor:
            list(executor.map(_fill, missing, chunksize=2))

    def train(self, rng: np.random.Generator) -> Sample:
        sample = self.item(int(rng.integers(self.num_train)))
        if rng.random() < 0.5:
            sample = flip(sample)
        return add_noise(rng, jitter_colour(rng, sample))

    def test(self, index: int) -> Sample:
        return self.item(TEST_SEED + index)

    def item(self, seed: int) -> Sample:
        """The scene of a seed, with the truth of the task alone."""
        made = self._pool[seed]
        if self.task is Task.DEPTH:
            assert made.inverse_depth is not None
            return Sample(name=made.name, image=made.image[0], inverse_depth=made.inverse_depth[0])
        assert made.next_image is not None
        assert made.flow is not None
        return Sample(
            name=made.name,
            image=made.image[0],
            next_image=made.next_image[0],
            flow=made.flow[0],
            occluded=None if made.occluded is None else made.occluded[0],
        )

    @cached_property
    def _pool(self) -> Pool:
        height, width = self.size
        folder = POOLS / f"study-{self.task.value}-{height}x{width}-v{VERSION}"
        return Pool(folder=folder, num_items=TEST_SEED + self.num_test, render=self._render)

    def _render(self, seed: int) -> Cut:
        if self.task is Task.DEPTH:
            return render_scene(
                seed, kind="street", canvas=self.size, origins=[(0, 0)], window=self.size
            )
        return render_pair(seed, canvas=self.size, origins=[(0, 0)], window=self.size)


def canvases(
    task: Task, size: tuple[int, int], *, num_train: int, num_test: int
) -> EnlargedCamVid | RenderedCanvases:
    """What a study of a task trains on and is scored on.

    Args:
        task: whose truth to show.
        size: (height, width) in px of every image.
        num_train: rendered scenes to train on; CamVid has its own number.
        num_test: the same, held out.
    """
    if task is Task.SEGMENTATION:
        return EnlargedCamVid(size)
    return RenderedCanvases(size, task, num_train, num_test)


def _one_thread() -> None:
    torch.set_num_threads(1)
    os.nice(5)


def _fill(item: tuple[RenderedCanvases, int]) -> None:
    rendered, seed = item
    rendered._pool.fill(seed)
