"""Arrays by name, as graphs speak, and the dataclasses of the protocol: one into the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import FEATURES, Graph
from models.runtime.protocol import Features, FlowMaps, FrameMaps


def frame_maps(answers: Mapping[str, NDArray[Any]]) -> FrameMaps:
    """The frame graph's outputs, by name."""
    return FrameMaps(
        labels=answers.get("labels"),
        label_confidence=answers.get("label_confidence"),
        depth=answers.get("depth"),
        depth_uncertainty=answers.get("depth_uncertainty"),
        features=Features(
            levels={
                name.removeprefix(FEATURES): array
                for name, array in answers.items()
                if name.startswith(FEATURES)
            }
        ),
    )


def flow_inputs(
    first: Features, second: Features, size: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """The flow graph's inputs, by name."""
    pair = {f"first_{name}": array for name, array in first.levels.items()}
    pair |= {f"second_{name}": array for name, array in second.levels.items()}
    return pair | {"size": size}


def flow_maps(answers: Mapping[str, NDArray[Any]]) -> FlowMaps:
    """The flow graph's outputs, by name."""
    return FlowMaps(flow=answers["flow"], flow_uncertainty=answers["flow_uncertainty"])


def output_names(graph: Graph) -> list[str]:
    """In the order of the bundle."""
    return [port.name for port in graph.outputs]
