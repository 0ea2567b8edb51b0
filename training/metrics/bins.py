"""Mean error by the size of something: flow by speed, depth by range."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32] | NDArray[np.float64]


@dataclass(kw_only=True)
class BinnedError:
    """Gathers errors by fixed bins. `sums` of several processes are simply added."""

    edges: tuple[float, ...]
    """Ascending; bin i holds edges[i] <= value < edges[i + 1]. The last edge may be infinite."""
    sums: NDArray[np.float64] = field(init=False)
    """(2, bins): pixels, then errors."""

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or any(b <= a for a, b in zip(self.edges, self.edges[1:])):  # noqa: B905
            raise ValueError(f"edges are {self.edges}, expected two or more, ascending")
        self.sums = np.zeros((2, len(self.edges) - 1))

    def add(self, values: Values, error: Values) -> None:
        """Count pixels (n,) with a value and an error each; values beyond the edges have no bin."""
        if values.shape != error.shape or values.ndim != 1:
            raise ValueError(
                f"values are {values.shape}, errors {error.shape}: expected (n,) twice"
            )
        place = np.searchsorted(self.edges, values, side="right") - 1
        inside = (place >= 0) & (place < len(self.edges) - 1)
        count = len(self.edges) - 1
        self.sums[0] += np.bincount(place[inside], minlength=count)
        self.sums[1] += np.bincount(place[inside], weights=error[inside], minlength=count)

    def means(self) -> NDArray[np.float64]:
        """(bins,) mean error; NaN where nothing fell in."""
        empty = np.full(self.sums.shape[1], np.nan)
        np.divide(self.sums[1], self.sums[0], out=empty, where=self.sums[0] > 0)
        return empty

    def shares(self) -> NDArray[np.float64]:
        """(bins,) share of the pixels that fell into any bin; zero before the first."""
        return np.asarray(self.sums[0] / max(self.sums[0].sum(), 1.0))


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """One of equally large parts of the pixels, in the order of their value."""

    low: float
    high: float
    """The smallest and the largest value in the part."""
    errors: tuple[float, ...]
    """Mean error of each method."""


def by_quantile(values: Values, errors: Values, *, num_parts: int = 10) -> tuple[Quantile, ...]:
    """Mean errors of equally large parts of the pixels.

    Args:
        values: (n,) what the pixels are ordered by.
        errors: (methods, n).
        num_parts: 10 for deciles; fewer come back if there are fewer pixels.
    """
    if errors.ndim != 2 or errors.shape[1:] != values.shape:
        raise ValueError(f"values are {values.shape}, errors {errors.shape}: (n,) and (methods, n)")
    order = np.argsort(values, kind="stable")
    parts = np.array_split(order, num_parts)
    return tuple(
        Quantile(
            low=float(values[part[0]]),
            high=float(values[part[-1]]),
            errors=tuple(float(x) for x in errors[:, part].astype(np.float64).mean(axis=1)),
        )
        for part in parts
        if part.size
    )
