"""Arrays of a sample at another size. Pixel (y, x) covers [y, y+1) x [x, x+1) at every size.

Images are averaged when they shrink; classes and flags are picked, never mixed; measured values
are interpolated among known neighbours that agree, so that nothing is invented between a near
thing and what lies behind it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

AGREEMENT = 0.05
"""Interpolated values that differ from the nearest known one by a larger share are not used."""
NEGLIGIBLE_PX = 0.05
"""Flow vectors closer than this always agree."""


def resize_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w, 3) at (height, width) = `size`: area average down, bilinear up, per axis."""
    height, width = min(image.shape[0], size[0]), min(image.shape[1], size[1])
    resized = image
    if (height, width) != resized.shape[:2]:
        resized = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
    if size != resized.shape[:2]:
        resized = np.asarray(cv2.resize(resized, size[::-1], interpolation=cv2.INTER_LINEAR))
    return np.asarray(resized, dtype=np.uint8)


def resize_indices(indices: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w) at `size`: each new pixel takes the value under its centre."""
    resized = cv2.resize(indices, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, dtype=np.uint8)


def resize_flags(flags: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) at `size`, picked like indices."""
    return resize_indices(flags.astype(np.uint8), size) > 0


def resize_values(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) or (h, w, 2) at `size`, NaN where unknown. The numbers stay: scale flow yourself.

    A new pixel is known where at least half of its bilinear weight is. It is the weighted mean of
    the known neighbours if that agrees with the value under its centre; else that value alone.
    Where that one is unknown, the neighbours must agree with each other.
    """
    channels = [values] if values.ndim == 2 else [values[..., 0], values[..., 1]]
    known = np.isfinite(channels[0] if len(channels) == 1 else channels[0] + channels[1])
    dense = bool(known.all())
    filled = [np.ascontiguousarray(c if dense else np.where(known, c, 0)) for c in channels]
    means = [_resize(c, size, cv2.INTER_LINEAR) for c in filled]
    centres = [_resize(c, size, cv2.INTER_NEAREST_EXACT) for c in filled]
    if not dense:
        weight = _resize(known.astype(np.float32), size, cv2.INTER_LINEAR)
        divisor = np.maximum(weight, np.float32(0.5))
        means = [np.where(weight >= 0.5, mean / divisor, np.float32(np.nan)) for mean in means]
    error = sum((np.square(m - c) for m, c in zip(means, centres, strict=True)), np.float32(0))
    apart = error > _limit(centres)
    if not dense:
        under = resize_flags(known, size)  # else there is no value under the centre
        apart &= under
        squares = _resize(np.sum([np.square(c) for c in filled], axis=0), size, cv2.INTER_LINEAR)
        spread = squares / divisor - np.sum([np.square(m) for m in means], axis=0)
        torn = ~under & (spread > _limit(means))
        means = [np.where(torn, np.float32(np.nan), mean) for mean in means]
    results = [np.where(apart, c, m) for m, c in zip(means, centres, strict=True)]
    return results[0] if len(results) == 1 else np.stack(results, axis=-1)


def _limit(values: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The largest squared error that still agrees with values, by channel."""
    limit = sum((np.square(value) for value in values), np.float32(0)) * np.float32(AGREEMENT**2)
    if len(values) == 2:
        limit = np.maximum(limit, np.float32(NEGLIGIBLE_PX**2))
    return np.asarray(limit, dtype=np.float32)


def _resize(
    values: NDArray[np.float32], size: tuple[int, int], interpolation: int
) -> NDArray[np.float32]:
    resized = cv2.resize(values, size[::-1], interpolation=interpolation)
    return np.asarray(resized, dtype=np.float32)
