"""Depth scores of a data set: answers are aligned per image, sums gathered over all, then divided.

Truth and answers come as inverse depth; the scores speak of depth, its inverse. A true pixel is
counted if it is known and nearer than `far_m`: sky has no depth that an error could be measured
from. An aligned answer below 1 / far_m, negative ones included, counts as 1 / far_m: a line fitted
through inverse depths may cross zero, and depth would jump to infinity there.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Alignment = Literal["none", "median", "scale_shift"]


@dataclass(frozen=True, kw_only=True)
class DepthResult:
    """d is the predicted depth, t the true one. Errors: lower is better. Deltas: higher."""

    alignment: Alignment
    num_pixels: int
    abs_rel: float
    """Mean abs(d - t) / t."""
    sq_rel: float
    """Mean (d - t)^2 / t, m."""
    rmse: float
    """sqrt(mean (d - t)^2), m."""
    rmse_log: float
    """sqrt(mean (ln d - ln t)^2)."""
    log10: float
    """Mean abs(log10 d - log10 t)."""
    silog: float
    """100 * sqrt(mean g^2 - (mean g)^2), g = ln d - ln t, means over the data set's pixels."""
    delta1: float
    """Share of pixels with max(d / t, t / d) < 1.25."""
    delta2: float
    """The same for 1.25^2."""
    delta3: float
    """The same for 1.25^3."""


@dataclass(kw_only=True)
class DepthScore:
    """Gathers errors. `sums` of several processes are simply added."""

    alignment: Alignment
    """`none`: answers are in 1/m. `median`: times the ratio of the medians, per image.
    `scale_shift`: times a, plus b, by least squares in inverse depth, per image."""
    far_m: float = 80.0
    """Farther truth is not counted, farther answers are cut here. 80 m is KITTI's custom."""
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(10), init=False)
    """Pixels; |d-t|/t; (d-t)^2/t; (d-t)^2; g^2; |g|; g; delta1, 2, 3."""

    def add(self, prediction: NDArray[np.float32], inverse_depth: NDArray[np.float32]) -> None:
        """Count one image (alignment is per image, so no batches). No known pixel: no effect.

        Args:
            prediction: (h, w) inverse depth in 1/m, or relative, as `alignment` says.
            inverse_depth: (h, w) the truth in 1/m, NaN where unknown.

        Raises:
            ValueError: shapes differ, or the answer is not finite where it counts.
        """
        if prediction.shape != inverse_depth.shape or prediction.ndim != 2:
            raise ValueError(
                f"prediction is {prediction.shape}, inverse_depth {inverse_depth.shape}, "
                f"expected the same (h, w) for both: add one image at a time"
            )
        counted = counted_pixels(inverse_depth, far_m=self.far_m)
        if not counted.any():
            return
        truth = inverse_depth[counted].astype(np.float64)
        answer = prediction[counted].astype(np.float64)
        if not np.isfinite(answer).all():
            raise ValueError("prediction holds NaN or infinity at a known pixel, expected a value")
        line = fit(answer, truth, self.alignment)
        answer = np.maximum(line.scale * answer + line.shift, 1.0 / self.far_m)
        d, t = 1.0 / answer, 1.0 / truth
        g = np.log(d) - np.log(t)
        ratio = np.maximum(d / t, t / d)
        square = (d - t) ** 2
        terms = [np.ones_like(t), np.abs(d - t) / t, square / t, square, g**2, np.abs(g), g]
        terms += [(ratio < 1.25**power).astype(np.float64) for power in (1, 2, 3)]
        self.sums += np.stack(terms).sum(axis=1)

    def result(self) -> DepthResult:
        """The scores so far.

        Raises:
            ValueError: no pixel was counted. A mean over nothing has no meaning.
        """
        num_pixels = int(self.sums[0])
        if num_pixels == 0:
            raise ValueError(
                f"no pixel was counted: add images with true depth up to {self.far_m:g} m first"
            )
        abs_rel, sq_rel, square, g_square, g_abs, g, delta1, delta2, delta3 = (
            self.sums[1:] / num_pixels
        ).tolist()
        return DepthResult(
            alignment=self.alignment,
            num_pixels=num_pixels,
            abs_rel=abs_rel,
            sq_rel=sq_rel,
            rmse=square**0.5,
            rmse_log=g_square**0.5,
            log10=g_abs / float(np.log(10)),
            silog=100 * max(g_square - g**2, 0.0) ** 0.5,  # rounding may leave -1e-17
            delta1=delta1,
            delta2=delta2,
            delta3=delta3,
        )


def counted_pixels(inverse_depth: NDArray[np.float32], *, far_m: float) -> NDArray[np.bool_]:
    """(h, w) true where the truth is known and not farther than `far_m`."""
    return np.asarray(np.nan_to_num(inverse_depth, nan=-1.0, posinf=-1.0) >= 1.0 / far_m)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What brings answers to the scale of the truth: times `scale`, plus `shift`."""

    scale: float
    shift: float


def fit(prediction: NDArray[np.float64], truth: NDArray[np.float64], alignment: Alignment) -> Fit:
    """How the inverse depths of one image's counted pixels, (n,), come to the scale of the truth.

    Raises:
        ValueError: `median` of an answer whose median is not positive.
    """
    if alignment == "none":
        return Fit(scale=1.0, shift=0.0)
    if alignment == "median":
        median = float(np.median(prediction))
        if median <= 0:
            raise ValueError(
                f"the prediction's median inverse depth is {median:g}, expected more than 0: "
                f"relative inverse depth has an unknown shift, score it with scale_shift"
            )
        return Fit(scale=float(np.median(truth)) / median, shift=0.0)
    centred = prediction - prediction.mean()
    spread = float(np.mean(centred**2))
    # A constant answer has no slope, only float32's rounding: its best line is the truth's mean.
    constant = spread <= 1e-12 * float(np.mean(prediction**2))
    scale = 0.0 if constant else float(np.mean(centred * truth)) / spread
    return Fit(scale=scale, shift=float(truth.mean() - scale * prediction.mean()))
