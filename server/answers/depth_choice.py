"""Relative or metric: what a client asked of depth, and what the model gives.

A metric model can answer relatively: 1 / distance is a relative inverse depth. The way back does
not exist: scale and shift are unknown, and a guess would look like metres. Axes: h w pixels.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.bundle import DepthOutput
from server.errors import Unusable

RELATIVE = DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)


class DepthChoice(StrEnum):
    """As the query says it."""

    RELATIVE = "relative"
    """Nearer is larger, without unit; scale and shift are unknown."""
    METRIC = "metric"
    """Metres along the optical axis."""


def choose_depth(asked: DepthChoice | None, output: DepthOutput, *, name: str) -> DepthOutput:
    """What the numbers of the answer will mean; without a wish, what the model's own do.

    Raises:
        Unusable: metres were asked of a model that does not know them.
    """
    if asked is DepthChoice.METRIC and output.convention != "metric":
        raise Unusable(
            f"depth=metric was asked for, but {name} predicts relative inverse depth, whose scale "
            f"and shift are unknown: no number of it is in metres. Leave depth out or write "
            f"depth=relative, or ask a model whose convention is metric (GET /v1/models says)"
        )
    if asked is DepthChoice.RELATIVE and output.convention == "metric":
        return RELATIVE
    return output


def invert_depth(
    depth_m: NDArray[np.float32], uncertainty_m: NDArray[np.float16] | None
) -> tuple[NDArray[np.float32], NDArray[np.float16] | None]:
    """Metric depth as inverse depth, in 1/m; NaN where there is no positive distance.

    An error of s at d is one of s / d^2 at 1 / d, to first order.
    """
    known = np.isfinite(depth_m) & (depth_m > 0)
    inverse = np.full(depth_m.shape, np.nan, dtype=np.float32)
    np.divide(np.float32(1), depth_m, out=inverse, where=known)
    if uncertainty_m is None:
        return inverse, None
    with np.errstate(over="ignore"):  # at a hair's breadth: infinite is right
        return inverse, (uncertainty_m * inverse * inverse).astype(np.float16)
