"""Does the uncertainty know where the errors are?"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.metrics.picked import PickedPixels

NUM_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Sparsification:
    """Mean error of the pixels that stay, over the mean error of all; NUM_STEPS values each."""

    removed: tuple[float, ...]
    """Share of the pixels that is gone: 0, 0.05, ... 0.95."""
    by_uncertainty: tuple[float, ...]
    """When the most uncertain pixels go first."""
    by_error: tuple[float, ...]
    """When those with the largest error go first: nothing can undercut it."""

    @property
    def ause(self) -> float:
        """Area under the sparsification error: mean distance of the two, lower is better."""
        return float(np.mean(np.subtract(self.by_uncertainty, self.by_error)))


@dataclass(kw_only=True)
class UncertaintyScore:
    """Gathers error and uncertainty of known pixels, of large sets a regular pick."""

    pixels: PickedPixels = field(default_factory=lambda: PickedPixels(num_columns=2), init=False)
    """Error, uncertainty."""

    def add(
        self,
        error: NDArray[np.float32],
        uncertainty: NDArray[np.float16] | NDArray[np.float32],
    ) -> None:
        """Count one image or a batch of any shape.

        Args:
            error: of the answer, any unit, not negative; NaN where the truth is unknown.
            uncertainty: any monotone measure, higher is worse.

        Raises:
            ValueError: shapes differ, or the uncertainty is NaN at a known pixel.
        """
        if error.shape != uncertainty.shape:
            raise ValueError(
                f"error is {error.shape}, uncertainty {uncertainty.shape}: same shape expected"
            )
        known = np.isfinite(error)
        if np.isnan(uncertainty[known]).any():
            raise ValueError("uncertainty holds NaN at a known pixel, expected a value there")
        self.pixels.add(error[known].astype(np.float32), uncertainty[known].astype(np.float32))

    def has_errors(self) -> bool:
        """Whether there is anything to order: some error above zero."""
        return any(bool(part[0].any()) for part in self.pixels.parts)

    def ause(self) -> float:
        """Area under the sparsification error: 0 for a perfect order of pixels, lower is better.

        Remove the most uncertain pixels, 5 % at a time: the mean error of those that stay, over the
        mean error of all, is one curve; removing those with the largest error is the other, which
        nothing can undercut. The answer is the mean distance of the two.

        Raises:
            ValueError: nothing was counted, or no error is above zero.

        Source: Ilg et al. 2018, arXiv 1802.07095, section 5.
        """
        return self.sparsification().ause

    def sparsification(self) -> Sparsification:
        """Both curves.

        Raises:
            ValueError: nothing was counted, or no error is above zero.
        """
        columns = self.pixels.columns()
        error = columns[0].astype(np.float64)
        if not error.any():
            raise ValueError(f"{error.size} pixels and no error among them, expected some")
        by_uncertainty = _mean_of_the_rest(error, columns[1])
        by_error = _mean_of_the_rest(error, error)
        return Sparsification(
            removed=tuple(step / NUM_STEPS for step in range(NUM_STEPS)),
            by_uncertainty=tuple(float(x) for x in by_uncertainty / error.mean()),
            by_error=tuple(float(x) for x in by_error / error.mean()),
        )


def _mean_of_the_rest(
    error: NDArray[np.float64], removed_by: NDArray[np.float32] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """(NUM_STEPS,) mean error after the k / NUM_STEPS pixels of the largest key are gone."""
    # A stable order, so that equal uncertainties are removed as they come, not by luck of the sort.
    kept_first = error[np.argsort(removed_by, kind="stable")]
    totals = np.cumsum(kept_first)
    stay = error.size - error.size * np.arange(NUM_STEPS) // NUM_STEPS
    return np.asarray(totals[stay - 1] / stay)
