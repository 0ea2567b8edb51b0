"""Optical flow scores of a data set: sums over known pixels are gathered, then divided."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

OUTLIER_PX = 3.0  # KITTI 2015: wrong by more than 3 px ...
OUTLIER_FRACTION = 0.05  # ... and by more than 5 % of the true length


@dataclass(frozen=True, kw_only=True)
class FlowResult:
    """Lower is better."""

    num_pixels: int
    """Known pixels that were counted."""
    epe: float
    """Mean length of the error, px."""
    outlier_1px: float
    """Share of pixels with an error of more than 1 px."""
    outlier_3px: float
    """The same for 3 px: what KITTI 2012 ranks by."""
    outlier_5px: float
    fl_all: float
    """Share with an error of more than 3 px and of more than 5 % of the true length."""


@dataclass(kw_only=True)
class FlowScore:
    """Gathers errors. `sums` of several processes are simply added."""

    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 6)), init=False)
    """Row 0 not occluded, row 1 occluded; pixels, error in px, then the four kinds of outliers."""

    def add(
        self,
        flow: NDArray[np.float32],
        target: NDArray[np.float32],
        occluded: NDArray[np.bool_] | None = None,
    ) -> None:
        """Count one image or a batch.

        Args:
            flow: (..., h, w, 2) predicted, in px of the target's resolution.
            target: the truth, NaN where unknown.
            occluded: (..., h, w) hidden in the next image; None: nothing is.

        Raises:
            ValueError: shapes differ, or the answer is not finite at a known pixel.
        """
        if flow.shape != target.shape or flow.shape[-1] != 2:
            raise ValueError(
                f"flow is {flow.shape}, the target is {target.shape}, expected (h, w, 2) for both: "
                f"resize the flow and multiply its vectors by the ratio first"
            )
        known = np.isfinite(target).all(axis=-1)
        truth = target[known].astype(np.float64)
        answer = flow[known].astype(np.float64)
        if not np.isfinite(answer).all():
            raise ValueError("flow holds NaN or infinity at a known pixel, expected a value there")
        error = np.linalg.norm(answer - truth, axis=-1)
        length = np.linalg.norm(truth, axis=-1)
        terms = np.stack(
            [
                np.ones_like(error),
                error,
                error > 1.0,
                error > 3.0,
                error > 5.0,
                (error > OUTLIER_PX) & (error > OUTLIER_FRACTION * length),
            ]
        )
        hidden = np.zeros(error.shape, dtype=bool) if occluded is None else occluded[known]
        self.sums[0] += terms[:, ~hidden].sum(axis=1)
        self.sums[1] += terms[:, hidden].sum(axis=1)

    def result(self) -> FlowResult:
        """Over all known pixels.

        Raises:
            ValueError: no pixel was counted. A mean over nothing has no meaning.
        """
        return _divide(self.sums.sum(axis=0))

    def result_noc(self) -> FlowResult:
        """Over the known pixels that are not occluded (KITTI's "noc")."""
        return _divide(self.sums[0])

    def result_occluded(self) -> FlowResult:
        """Over the known pixels that are occluded."""
        return _divide(self.sums[1])


def _divide(sums: NDArray[np.float64]) -> FlowResult:
    num_pixels = int(sums[0])
    if num_pixels == 0:
        raise ValueError("no pixel was counted: add pairs with known flow first")
    epe, outlier_1px, outlier_3px, outlier_5px, fl_all = (sums[1:] / num_pixels).tolist()
    return FlowResult(
        num_pixels=num_pixels,
        epe=epe,
        outlier_1px=outlier_1px,
        outlier_3px=outlier_3px,
        outlier_5px=outlier_5px,
        fl_all=fl_all,
    )
