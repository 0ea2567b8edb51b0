"""Padding and its inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.image.sizes import ceil_to, crop, pad_images, padded_size

side = st.integers(1, 40)


@given(st.lists(st.tuples(side, side), min_size=1, max_size=4), st.sampled_from([1, 16]))
def test_cropping_undoes_padding(sizes: list[tuple[int, int]], multiple: int) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    batch, size = pad_images(images, multiple=multiple)
    assert size.tolist() == [list(pair) for pair in sizes]
    assert batch.shape == (len(images), *padded_size(sizes, multiple=multiple), 3)
    for row, image in zip(batch, images, strict=True):
        np.testing.assert_array_equal(crop(row, (image.shape[0], image.shape[1])), image)
        assert int(row.sum()) == int(image.sum())  # zero outside


@pytest.mark.parametrize(("side", "expected"), [(1, 16), (16, 16), (17, 32), (0, 0)])
def test_sides_are_rounded_up(side: int, expected: int) -> None:
    assert ceil_to(side, 16) == expected


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one or more"):
        pad_images([])
