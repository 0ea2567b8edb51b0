"""Tiles cover the image and, where the answer depends on the pixel alone, change nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.task import Task
from tests.tiny_models import TINY, wild
from training.studies.tiles import OVERLAP, answer_of, tile_starts, tiled, whole


@given(length=st.integers(16, 2000), tile=st.integers(16, 600))
def test_tiles_cover_a_side_and_overlap(length: int, tile: int) -> None:
    if tile > length:
        return
    starts = tile_starts(length, tile)
    assert starts[0] == 0
    assert starts[-1] == length - tile
    gaps = np.diff(starts)
    assert (gaps > 0).all()
    assert (gaps <= tile * (1 - OVERLAP) + 1).all()


def brightness(image: Tensor, next_image: Tensor | None) -> Tensor:
    other = 0.0 if next_image is None else next_image.float().mean(-1)
    return (image.float().mean(-1) - other)[:, None]


@pytest.mark.parametrize("pair", [False, True])
def test_an_answer_of_the_pixel_alone_is_the_same_from_tiles(pair: bool) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (70, 100, 3), np.uint8)
    second = rng.integers(0, 256, (70, 100, 3), np.uint8) if pair else None
    np.testing.assert_allclose(
        tiled(brightness, image, second, side=32),
        whole(brightness, image, second),
        atol=1e-3,
    )


def test_where_tiles_overlap_the_middle_of_a_tile_counts_more() -> None:
    def number(image: Tensor, _: Tensor | None) -> Tensor:
        return torch.stack([torch.full((1, *x.shape[:2]), float(x[0, 0, 0])) for x in image])

    image = np.zeros((4, 7, 3), np.uint8)
    image[:, 3:] = 100  # the second tile, columns 3 to 6, begins with 100: its answer is 100
    found = tiled(number, image, None, side=4)
    # Column 3 is the last of tile 1 (weight 1) and the first of tile 2 (weight 1).
    assert found[0, 1].tolist() == [0, 0, 0, 50, 100, 100, 100]


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("family", sorted(TINY))
def test_a_model_answers_for_every_pixel(family: str, task: Task) -> None:
    answer = answer_of(wild(TINY[family]), task)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    found = whole(answer, image, image if task is Task.FLOW else None)
    channels = {Task.SEGMENTATION: 11, Task.DEPTH: 1, Task.FLOW: 2}[task]
    assert found.shape == (channels, 48, 64)
    assert np.isfinite(found).all()
    if task is Task.SEGMENTATION:
        np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
