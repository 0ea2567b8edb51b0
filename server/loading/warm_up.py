"""The first runs of a model: an engine allocates and compiles when it sees a size first."""

import time
from collections.abc import Iterable, Mapping

import numpy as np

from models.runtime.predictor import predict
from models.runtime.protocol import Runtime


def warm_up(
    runtime: Runtime, sizes: Iterable[tuple[int, int]], *, has_flow: bool
) -> Mapping[tuple[int, int], float]:
    """Run every graph at every size. Returns the seconds that each took, in the order given."""
    seconds = {}
    for size in sizes:
        started_s = time.monotonic()
        image = np.zeros((*size, 3), dtype=np.uint8)
        predict(runtime, image, image if has_flow else None)
        seconds[size] = time.monotonic() - started_s
    return seconds
