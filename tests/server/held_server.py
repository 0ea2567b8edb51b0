"""python -m tests.server.held_server: the server, whose engine waits for a word before each call.

It says "entered" on standard output, and goes on when a line comes in.
"""

import sys
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from server.__main__ import main
from server.loading.loaded_model import LoadedModel, load_model
from server.roster import duty


class Held:
    """A runtime behind a door."""

    name, version = "held", "0"

    def __init__(self, runtime: Runtime) -> None:
        self.precisions = dict(runtime.precisions)
        self._runtime = runtime

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        sys.stdout.write("entered\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return self._runtime.frame(image, size)

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        return self._runtime.flow(first, second, size)


def load_held(*arguments: Any, **options: Any) -> LoadedModel:
    model = load_model(*arguments, **options)
    held = Held(model.selection.runtime)
    return replace(model, selection=replace(model.selection, runtime=held))


if __name__ == "__main__":
    with patch.object(duty, "load_model", load_held):
        sys.exit(main(sys.argv[1:]))
