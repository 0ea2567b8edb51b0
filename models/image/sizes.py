"""Sizes, and images of different sizes in one array. Axes: b images, h w pixels.

Padding lies below and to the right. It may hold anything: the graphs are blind to it.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def ceil_to(side: int, multiple: int) -> int:
    """The smallest multiple that is not below `side`.

    >>> ceil_to(33, 16), ceil_to(32, 16)
    (48, 32)
    """
    return -(-side // multiple) * multiple


def padded_size(sizes: Sequence[tuple[int, int]], *, multiple: int = 1) -> tuple[int, int]:
    """One (height, width) that holds every size, both sides divisible by `multiple`.

    >>> padded_size([(5, 40), (20, 3)], multiple=16)
    (32, 48)
    """
    if not sizes:
        raise ValueError("no sizes came, expected one or more: a batch holds at least one image")
    height = max(height for height, _ in sizes)
    width = max(width for _, width in sizes)
    return ceil_to(height, multiple), ceil_to(width, multiple)


def pad_images(
    images: Sequence[NDArray[np.uint8]],
    *,
    multiple: int = 1,
    size: tuple[int, int] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images of any sizes as one batch, and the size of each.

    Args:
        images: each (h, w, 3) RGB.
        multiple: both sides of the batch divide by it, px.
        size: (height, width) of the batch, px, if it shall be larger than it must.

    Returns:
        Pixels (b, h, w, 3), zero outside of the images, and sizes (b, 2) as (height, width).
    """
    sizes = [(image.shape[0], image.shape[1]) for image in images]
    height, width = padded_size(sizes if size is None else [*sizes, size], multiple=multiple)
    if len(images) == 1 and sizes[0] == (height, width):
        return np.ascontiguousarray(images[0])[None], np.array(sizes, dtype=np.int64)
    batch = np.zeros((len(images), height, width, 3), dtype=np.uint8)
    for row, image in zip(batch, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return batch, np.array(sizes, dtype=np.int64)


def crop(pixels: NDArray[Scalar], size: tuple[int, int]) -> NDArray[Scalar]:
    """What lies inside of the image: the inverse of the padding. A view.

    Args:
        pixels: (h, w) or (h, w, c), at least as large as `size`.
        size: (height, width) of the image, px.
    """
    return pixels[: size[0], : size[1]]
