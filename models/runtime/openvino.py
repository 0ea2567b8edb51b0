"""OpenVINO on the CPU: the fastest engine there, above all where the CPU computes in bf16."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import FEATURE_INPUTS, FEATURES, Bundle, Graph
from models.runtime.graph_io import flow_inputs, flow_maps, frame_maps, output_names
from models.runtime.inputs import InputError, check_frame, check_pair
from models.runtime.passing_thread import in_passing_thread
from models.runtime.protocol import Features, FlowMaps, FrameMaps
from models.runtime.quiet_openvino import import_openvino


class OpenVino:
    """A bundle in OpenVINO. Calls run one after the other: compiled for latency, it has one stream.

    More streams are no way out: each generates kernels of its own, and which stream a call runs in
    nobody can say, so they could not be specialised (see `_specialise`).

    Each `Core` gives the thread that loads its first model a stack for signals, and unmaps it when
    the last of its models goes, even if that is still the thread's, or will be again: of two in one
    thread, the second puts back that of the first (2026.4.1). The next signal that Python handles,
    Ctrl-C or a child's end, then ends the process with SIGSEGV. So models are loaded in threads
    that do nothing else.
    """

    name = "openvino"

    def __init__(
        self, bundle: Bundle, models: Mapping[str, Any], *, precisions: Mapping[str, str]
    ) -> None:
        """
        Args:
            bundle: that it holds.
            models: its compiled graphs, by name. Nobody else runs them.
            precisions: in which each was compiled.
        """
        openvino = import_openvino()
        self.version: str = openvino.__version__.partition("-")[0]
        self.precisions = dict(precisions)
        self._bundle = bundle
        self._names = {name: output_names(graph) for name, graph in bundle.graphs.items()}
        self._slim = _is_slim(precisions)
        self._models = models
        # A plain lock: a thread may be killed at any line but inside of that.
        self._locks = {name: threading.Lock() for name in models}
        self._requests = {name: model.create_infer_request() for name, model in models.items()}
        self._specialise()

    @classmethod
    def load(
        cls,
        folder: Path,
        bundle: Bundle,
        *,
        threads: int,
        precisions: Mapping[str, str],
        cache: Path | None = None,
    ) -> "OpenVino":
        """Compile a bundle's graphs. See models.runtime.select."""
        openvino = import_openvino()
        slim = _is_slim(precisions)

        def compile_models() -> dict[str, Any]:
            core = openvino.Core()
            return {
                name: core.compile_model(
                    _read(core, folder, graph, precision=precisions[name], slim=slim),
                    "CPU",
                    _options(graph, precisions[name], threads=threads) | _cache_options(cache),
                )
                for name, graph in bundle.graphs.items()
            }

        return cls(bundle, in_passing_thread(compile_models), precisions=precisions)

    def share(self, threads: int) -> "OpenVino":
        """See models.runtime.protocol.Divisible. Nothing is compiled again: it takes a second."""
        openvino = import_openvino()

        def import_models() -> dict[str, Any]:
            core = openvino.Core()
            return {
                name: core.import_model(
                    model.export_model(),
                    "CPU",
                    _options(self._bundle.graphs[name], self.precisions[name], threads=threads),
                )
                for name, model in self._models.items()
            }

        models = in_passing_thread(import_models)
        return OpenVino(self._bundle, models, precisions=self.precisions)

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        """See models.runtime.protocol.Runtime."""
        check_frame(image, size)
        return frame_maps(self._run("frame", {"image": image, "size": size}))

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        """See models.runtime.protocol.Runtime."""
        if "flow" not in self._models:
            raise InputError(f"the bundle has {sorted(self._models)}, expected flow: use another")
        check_pair(first, second, size, stride=self._bundle.stride)
        return flow_maps(self._run("flow", flow_inputs(first, second, size)))

    def _specialise(self) -> None:
        """Let the engine generate its kernels from an image of ordinary size.

        It generates attention from the first shape that it sees. If that has a single key, as an
        image of up to 16x16 pixels has, the softmax is left out, and every later and larger image
        is wrong (2026.4.1; NaN in bf16). Generated from more keys, the same kernel is right for
        one.
        """
        side = 4 * self._bundle.stride
        image = np.zeros((1, side, side, 3), np.uint8)
        size = np.array([[side, side]], np.int64)
        maps = self.frame(image, size)
        if "flow" in self._models:
            self.flow(maps.features, maps.features, size)

    def _run(self, name: str, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        # Shared inputs save a copy; outputs are copied, because the next run overwrites them.
        tensors = {key: self._tensor(key, array) for key, array in inputs.items()}
        with self._locks[name]:
            answers = self._requests[name].infer(tensors, share_inputs=True, share_outputs=False)
            return {name: answers[name] for name in self._names[name]}

    def _tensor(self, name: str, array: NDArray[Any]) -> Any:
        array = np.ascontiguousarray(array)
        if not (self._slim and name.startswith(FEATURE_INPUTS)):
            return array
        openvino = import_openvino()
        # NumPy has no bfloat16: what holds its bits has come as an array of another type.
        return openvino.Tensor(array, openvino.Shape(array.shape), openvino.Type.bf16)


def _is_slim(precisions: Mapping[str, str]) -> bool:
    """Features never leave this engine: where all graphs compute in bf16, so are they, without a
    turn to float32 and back, in half the memory."""
    return all(precision == "bf16" for precision in precisions.values())


def _read(core: Any, folder: Path, graph: Graph, *, precision: str, slim: bool) -> Any:
    """The graph's model, its features in bfloat16 if `slim`."""
    openvino = import_openvino()
    model = core.read_model(folder / graph.file_for(precision))
    if not slim:
        return model
    for parameter in model.get_parameters():
        # Mixed graphs turn each to bf16 before anything else: no turn is left.
        if parameter.friendly_name.startswith(FEATURE_INPUTS):
            parameter.set_element_type(openvino.Type.bf16)
    model.validate_nodes_and_infer_types()
    ports = openvino.preprocess.PrePostProcessor(model)
    for name in output_names(graph):
        if name.startswith(FEATURES):
            ports.output(name).tensor().set_element_type(openvino.Type.bf16)
    return ports.build()


def _options(graph: Graph, precision: str, *, threads: int) -> dict[str, object]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        # Pinned threads are those of the first cores, for every engine of every process: shares,
        # models and replicas without cores of their own would stand on each other's feet.
        "ENABLE_CPU_PINNING": False,
        # Never left to the engine: it takes bf16 by itself where the CPU has it, and a comparison
        # with another engine would blame the graph.
        "INFERENCE_PRECISION_HINT": _hint(graph, precision),
    }


def _hint(graph: Graph, precision: str) -> str:
    """What the engine is told: in a mixed graph every product says by itself what it is."""
    return "f32" if precision in graph.mixed else precision


def _cache_options(cache: Path | None) -> dict[str, object]:
    # Read, not mapped: whoever writes over a mapped file changes the answers.
    return {} if cache is None else {"CACHE_DIR": str(cache), "ENABLE_MMAP": False}


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 by itself."""
    openvino = import_openvino()
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
