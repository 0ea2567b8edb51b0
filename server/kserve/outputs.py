"""The maps as output tensors: name, task, datatype, shape, and what the numbers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.runtime.predictor import Prediction
from models.task import Task
from server.codecs.dense_map import DenseMap

NUMPY_TYPES: dict[str, np.dtype[Any]] = {
    "UINT8": np.dtype("u1"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
}
"""Binary tensors are little-endian."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One map. Its shape is [B, H, W] or, with channels, [B, H, W, C]."""

    name: str
    """As in Prediction."""
    task: Task
    datatype: str
    channels: tuple[int, ...] = ()
    is_main: bool = False
    """The map of its task; else it says how sure that one is."""

    @property
    def shape(self) -> list[int]:
        """-1 is any length."""
        return [-1, -1, -1, *self.channels]

    @property
    def values_per_pixel(self) -> int:
        return self.channels[0] if self.channels else 1

    def of(self, prediction: Prediction) -> DenseMap:
        """Its map, contiguous, as its datatype has it."""
        found: NDArray[np.generic] | None = getattr(prediction, self.name)
        assert found is not None  # the task was asked for, and the bundle has it
        values = np.ascontiguousarray(found, NUMPY_TYPES[self.datatype])
        return DenseMap(name=self.name, task=self.task, values=values, words={})


OUTPUTS: Mapping[str, Output] = {
    output.name: output
    for output in (
        Output(name="labels", task=Task.SEGMENTATION, datatype="UINT8", is_main=True),
        Output(name="label_confidence", task=Task.SEGMENTATION, datatype="FP16"),
        Output(name="depth", task=Task.DEPTH, datatype="FP32", is_main=True),
        Output(name="depth_uncertainty", task=Task.DEPTH, datatype="FP16"),
        Output(name="flow", task=Task.FLOW, datatype="FP32", channels=(2,), is_main=True),
        Output(name="flow_uncertainty", task=Task.FLOW, datatype="FP16"),
    )
}


def meaning(output: Output, bundle: Bundle) -> dict[str, bool | int | float | str]:
    """What the numbers of an output say, in values that the protocol's parameters can hold."""
    if output.name == "labels":
        return {"unit": "class index", "classes": ",".join(bundle.class_names)}
    if output.name == "label_confidence":
        return {"unit": "probability"}
    if output.task is Task.FLOW:
        return {"unit": "px"}
    assert bundle.depth is not None  # read_bundle checked it
    about: dict[str, bool | int | float | str] = {
        "unit": bundle.depth.unit,
        "convention": bundle.depth.convention,
    }
    if output.name == "depth":
        about["near_is_large"] = bundle.depth.near_is_large
    return about
