"""Depth as a picture: the Turbo colour map, blue for far and red for near."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows red, green, blue; columns powers 0 to 5 of the value. The polynomial that Google published
# with the map: A. Mikhailov, "Turbo, An Improved Rainbow Colormap for Visualization", 2019,
# approximation by R. Du. Off the published table by 0.05 on average, by 0.13 at the dark ends.
_COEFFICIENTS = np.array(
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ]
)
_SAMPLE = 100_000
_NARROW = 0.01  # of the values: what spans less does not get all colours, or roundings would show


def turbo_table() -> NDArray[np.uint8]:
    """(256, 3) RGB, entry i for the value i / 255."""
    powers = np.linspace(0.0, 1.0, 256)[:, None] ** np.arange(6)
    table: NDArray[np.float64] = np.clip(powers @ _COEFFICIENTS.T, 0.0, 1.0)
    return np.round(table * 255).astype(np.uint8)


def colour_depth(depth: NDArray[np.float32], *, near_is_large: bool) -> NDArray[np.uint8]:
    """A depth map (h, w) as RGB (h, w, 3): near is red, far is blue, unknown is black.

    The colours span the 1st to the 99th percentile, so that a few wild pixels do not flatten the
    rest, and at least a hundredth of the values: a map that is nearly constant stays near the
    middle colour.

    Args:
        depth: any convention; NaN and infinity are unknown.
        near_is_large: whether larger numbers are nearer, as in inverse depth.
    """
    known = np.isfinite(depth)
    if not known.any():
        return np.zeros((*depth.shape, 3), dtype=np.uint8)
    # Percentiles of a sample: a picture does not show the difference, a sort costs most of it.
    values = depth[known]
    sample = values[:: max(1, values.size // _SAMPLE)].astype(np.float64)
    low, high = (float(value) for value in np.percentile(sample, (1.0, 99.0)))
    middle, narrow = (low + high) / 2, _NARROW * max(abs(low), abs(high))
    low, high = min(low, middle - narrow / 2), max(high, middle + narrow / 2)
    table = turbo_table() if near_is_large else turbo_table()[::-1]
    exact: NDArray[Any] = np.where(known, depth, np.float32(low))
    if high - low > 1e38:  # the difference overflows float32
        exact = exact.astype(np.float64)
    if high > low:
        level = (exact.clip(low, high) - low) / (high - low)
        index = np.rint(level * 255).astype(np.uint8)
    else:
        index = np.full(depth.shape, 128, dtype=np.uint8)
    picture: NDArray[np.uint8] = table.take(index, axis=0)
    picture[~known] = 0
    return picture
