"""Spring's own evaluation of flow: truth is twice as fine as the image.

A pixel has four true vectors; its error is the distance to the nearest of them. It counts where
all four are known. Source: Mehl et al. 2023 (arXiv 2303.01943), section 4, and the evaluation that
the benchmark publishes.

Axes: h w pixels.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.metrics.flow import OUTLIER_FRACTION, OUTLIER_PX

SPEEDS_PX = {"s0-10": (0.0, 10.0), "s10-40": (10.0, 40.0), "s40+": (40.0, np.inf)}
"""Parts by the mean length of a pixel's four true vectors."""
NUM_WAUC_STEPS = 100
WAUC_TO_PX = 5.0


@dataclass(frozen=True, kw_only=True)
class SpringResult:
    """Of one part of the pixels. Shares in [0, 1]: the benchmark prints percent."""

    num_pixels: int
    outlier_1px: float
    """Share with an error above 1 px: what the benchmark ranks by. Lower is better."""
    epe: float
    """Mean error, px. Lower is better."""
    fl: float
    """Share with an error above 3 px and above 5 % of the longest of the four. Lower is better."""
    wauc: float
    """Share of pixels within d px, averaged over d = 0.05, 0.1 ... 5 with weights that fall
    from 1 to 0.01 (VIPER, Richter et al. 2017). Higher is better."""


@dataclass(kw_only=True)
class SpringScore:
    """Gathers errors. `sums` of several processes are added by part."""

    sums: dict[str, NDArray[np.float64]] = field(default_factory=dict, init=False)
    """By part: pixels, 1 px outliers, error in px, Fl outliers, weighted share within."""

    def add(
        self,
        flow: NDArray[np.float32],
        fine_flow: NDArray[np.float32],
        parts: dict[str, NDArray[np.bool_]] | None = None,
    ) -> None:
        """Count one image.

        Args:
            flow: (h, w, 2) predicted, in px of the image.
            fine_flow: (2h, 2w, 2) the truth, in px of the image, NaN where unknown.
            parts: (h, w) each; scored on their own beside all pixels and beside SPEEDS_PX.

        Raises:
            ValueError: sizes that do not fit, or an answer that is not finite where it counts.
        """
        height, width = flow.shape[:2]
        if fine_flow.shape != (2 * height, 2 * width, 2):
            raise ValueError(
                f"fine_flow is {fine_flow.shape}, flow {flow.shape}, expected twice the height and "
                f"width: Spring's truth is finer than its frames"
            )
        four = fine_flow.reshape(height, 2, width, 2, 2).transpose(0, 2, 1, 3, 4)
        four = four.reshape(height, width, 4, 2).astype(np.float64)
        known = np.isfinite(four).all(axis=(2, 3))
        if not np.isfinite(flow[known]).all():
            raise ValueError("flow holds NaN or infinity at a known pixel, expected a value there")
        error = np.linalg.norm(four - flow[:, :, None], axis=-1).min(axis=-1)
        length = np.linalg.norm(four, axis=-1)
        within = np.ceil(error * NUM_WAUC_STEPS / WAUC_TO_PX)
        terms = np.stack(
            [
                np.ones_like(error),
                error > 1,
                error,
                (error > OUTLIER_PX) & (error > OUTLIER_FRACTION * length.max(axis=-1)),
                _weight_from(within),
            ]
        )
        mean_length = length.mean(axis=-1)
        named = {"all": known, **(parts or {})}
        for name, (low, high) in SPEEDS_PX.items():
            named[name] = (mean_length >= low) & (mean_length < high)
        for name, part in named.items():
            counted = terms[:, part & known].sum(axis=1)
            self.sums[name] = self.sums.get(name, np.zeros(len(terms))) + counted

    def results(self) -> dict[str, SpringResult]:
        """By part, those without a pixel left out.

        Raises:
            ValueError: no pixel was counted. A mean over nothing has no meaning.
        """
        if not self.sums or not self.sums["all"][0]:
            raise ValueError("no pixel was counted: add pairs with known flow first")
        found = {}
        for name, sums in self.sums.items():
            if sums[0]:
                outlier_1px, epe, fl, wauc = (sums[1:] / sums[0]).tolist()
                found[name] = SpringResult(
                    num_pixels=int(sums[0]), outlier_1px=outlier_1px, epe=epe, fl=fl, wauc=wauc
                )
        return found


def _weight_from(step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the distances i / 20 px, i >= `step`, of 1 ... 100, as a share of all weights.

    Distance i weighs 1 - (i - 1) / 100, so those from `step` on weigh n (n + 1) / 200 with
    n = 101 - step.
    """
    n = np.clip(NUM_WAUC_STEPS + 1 - np.maximum(step, 1), 0, None)
    n = np.nan_to_num(n)
    return np.asarray(n * (n + 1) / (NUM_WAUC_STEPS * (NUM_WAUC_STEPS + 1)))
