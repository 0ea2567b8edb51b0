"""ONNX Runtime on the CPU: the engine that runs everywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, Graph
from models.runtime.graph_io import flow_inputs, flow_maps, frame_maps, output_names
from models.runtime.inputs import InputError, check_frame, check_pair
from models.runtime.protocol import Features, FlowMaps, FrameMaps


class OnnxRuntime:
    """A bundle in ONNX Runtime, float32.

    Concurrent calls share one session per graph; their memory adds up.
    """

    name = "onnxruntime"

    def __init__(self, folder: Path, bundle: Bundle, *, threads: int) -> None:
        import onnxruntime

        self.version: str = onnxruntime.__version__
        self.precisions: Mapping[str, str] = dict.fromkeys(bundle.graphs, "f32")
        self._stride = bundle.stride
        self._graphs = bundle.graphs
        self._sessions = {
            name: onnxruntime.InferenceSession(
                str(folder / graph.file_for("f32")),
                sess_options=_session_options(threads),
                providers=["CPUExecutionProvider"],
            )
            for name, graph in bundle.graphs.items()
        }

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        """See models.runtime.protocol.Runtime."""
        check_frame(image, size)
        return frame_maps(self._run("frame", {"image": image, "size": size}))

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        """See models.runtime.protocol.Runtime."""
        if "flow" not in self._graphs:
            raise InputError(f"the bundle has {sorted(self._graphs)}, expected flow: use another")
        check_pair(first, second, size, stride=self._stride)
        return flow_maps(self._run("flow", flow_inputs(first, second, size)))

    def _run(self, name: str, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        graph: Graph = self._graphs[name]
        names = output_names(graph)
        return dict(zip(names, self._sessions[name].run(names, inputs), strict=True))


def _session_options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # With the arena or the pattern planner on, the memory of the largest image is kept for ever
    # and every new size adds a plan (onnxruntime #11801). Off costs 0-12 % time.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.intra_op_num_threads = threads
    # Threads that spin after each run steal the cores that decode and encode need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; warnings are about the graph, not about a request
    return options
