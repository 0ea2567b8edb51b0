"""Depth in the form that the client asked for."""

from dataclasses import replace
from typing import Literal

import numpy as np

from models.bundle import Bundle, DepthOutput
from models.runtime.predictor import Prediction
from server.errors import Unusable

DepthForm = Literal["relative", "metric"]

RELATIVE = DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)


def check_depth_form(form: DepthForm | None, bundle: Bundle) -> None:
    """Refuse a form that the model cannot give.

    Raises:
        Unusable
    """
    if form == "metric" and bundle.depth is not None and bundle.depth.convention != "metric":
        raise Unusable(
            f"depth=metric was asked for, but {bundle.name} predicts {bundle.depth.convention}, "
            f"whose scale nobody knows: ask for depth=relative, or choose another model"
        )


def as_form(
    form: DepthForm | None, prediction: Prediction, bundle: Bundle
) -> tuple[Prediction, Bundle]:
    """The maps, and the bundle that describes them. Without a form, as the model has it.

    Metric depth becomes relative by 1/depth, and its uncertainty by the derivative of that.
    """
    if form != "relative" or bundle.depth is None or bundle.depth == RELATIVE:
        return prediction, bundle
    depth, uncertainty = prediction.depth, prediction.depth_uncertainty
    if depth is None:
        return prediction, bundle
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse = np.where(depth > 0, 1 / depth, np.float32("nan")).astype(np.float32)
        if uncertainty is not None:
            uncertainty = (uncertainty.astype(np.float32) * inverse**2).astype(np.float16)
    return (
        replace(prediction, depth=inverse, depth_uncertainty=uncertainty),
        replace(bundle, depth=RELATIVE),
    )
