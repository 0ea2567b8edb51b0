"""The fixed handful of images whose predictions a run shows: some unseen ones, some of its own."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from models.task import IGNORE_INDEX
from training.data.augment import scale
from training.data.batch import Batch
from training.data.file_formats import FileFormatError
from training.data.readers.camvid import CamVid
from training.data.readers.kitti2012 import Kitti2012
from training.data.readers.reader import Reader
from training.data.readers.seven_scenes import SevenScenes
from training.data.readers.sintel import Sintel
from training.data.sample import Sample

LONGEST_SIDE_PX = 384
"""Larger images are shrunk: pictures on a board are small, and steps wait for them."""

UNSEEN: Sequence[tuple[Callable[[], Reader], tuple[int, ...]]] = (
    (lambda: CamVid(split="val"), (0, 50)),
    (lambda: Sintel(rendering="final"), (0,)),
    (Kitti2012, (0,)),
    (lambda: SevenScenes(every=40), (0,)),
)
"""Readers, and which of their samples."""

PER_BATCH = 2
"""Training samples of each batch of the first step."""


def choose_samples(data: Dataset[list[Batch]] | None) -> list[Sample]:
    """Small samples, the same at every call.

    Args:
        data: from the number of a step to its batches; None: unseen samples alone.

    Returns:
        What is there of UNSEEN (data sets that are absent or broken have none), then samples of
        step 0.
    """
    found = []
    for open_reader, indices in UNSEEN:
        # A run must not end because of data that it never asked for.
        with suppress(FileFormatError, OSError):
            reader = open_reader()
            found += [reader[index] for index in indices if index < len(reader)]
    for number, batch in enumerate([] if data is None else data[0]):
        found += of_batch(batch, f"train/{number}")[:PER_BATCH]
    return [_small(sample) for sample in found]


def of_batch(batch: Batch, name: str) -> list[Sample]:
    """The first window of each sample; truth that is unknown everywhere is left out."""
    follows = batch.next_image is not None and batch.next_image.shape == batch.image.shape
    samples = []
    for index in range(batch.image.shape[0]):
        labels, depth = _of(batch.labels, index), _of(batch.inverse_depth, index)
        # Where frame 2 was cut elsewhere, its pixels are not where the flow says.
        pair = follows and torch.equal(batch.next_origins[index], batch.origins[index])  # type: ignore[index]
        samples.append(
            Sample(
                name=f"{name}-{index}",
                image=_of(batch.image, index),
                next_image=_of(batch.next_image, index) if pair else None,  # type: ignore[arg-type]
                labels=labels if (labels != IGNORE_INDEX).any() else None,
                inverse_depth=depth if np.isfinite(depth).any() else None,
                flow=_of(batch.flow, index) if pair and batch.flow is not None else None,
            )
        )
    return samples


def _of(maps: Tensor, index: int) -> np.ndarray:
    array: np.ndarray = maps[index, 0].cpu().numpy()
    return array


def _small(sample: Sample) -> Sample:
    longest = max(sample.size)
    if longest <= LONGEST_SIDE_PX:
        return sample
    ratio = LONGEST_SIDE_PX / longest
    height, width = (max(round(side * ratio), 1) for side in sample.size)
    return scale(sample, (height, width))
