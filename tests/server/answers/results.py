"""Results to encode: three maps of two by three pixels, or what a test puts in their place."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import DepthOutput
from models.runtime.predictor import Prediction
from models.task import Task
from server.answers.result import Result
from server.answers.schemas import ImageInfo
from tests.toy_bundle import toy_bundle

METRIC = DepthOutput(convention="metric", unit="m", near_is_large=False)
LABELS = np.array([[0, 3, 255], [3, 3, 10]], dtype=np.uint8)
DEPTH = np.array([[1.0, 2.0, 4.0], [np.nan, 0.5, 8.0]], dtype=np.float32)
FLOW = np.stack([DEPTH * 2, -DEPTH], axis=2)
HALF = np.array([[0.5, 0.25, 1.0], [0.0, 0.125, 0.75]], dtype=np.float16)
PIXELS = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 10


def result(
    *tasks: Task,
    bundle: dict[str, Any] | None = None,
    maps: dict[str, NDArray[Any]] | None = None,
    **changes: Any,
) -> Result:
    """Of every task by default; `maps` replaces maps by name, `bundle` fields of the bundle."""
    prediction = Prediction(
        labels=LABELS,
        label_confidence=HALF,
        depth=DEPTH,
        depth_uncertainty=HALF,
        flow=FLOW,
        flow_uncertainty=HALF,
    )
    size = (2, 3) if not maps else next(iter(maps.values())).shape[:2]
    info = ImageInfo(format="JPEG", stored_size=(size[1], size[0]), size=size, exif_orientation=6)
    fields: dict[str, Any] = {
        "bundle": toy_bundle(**(bundle or {})),
        "tasks": tasks or tuple(Task),
        "image": info,
        "next_image": info,
        "prediction": replace(prediction, **(maps or {})),
        "decode_s": 0.001,
        "queue_s": 0.002,
        "infer_s": 0.003,
        "pixels": PIXELS,
        "repeat": {"orientation": "display"},
    }
    return Result(**(fields | changes))
