"""A runtime that learns what its calls cost: seconds, memory, and what a new shape costs more."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.runtime.feature_cells import padded_size_of
from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from server.loading.memory import expected_bytes_per_px, forget_peak, resident_bytes
from server.scheduling.cost import CostModel
from server.scheduling.known_shapes import KnownShapes
from server.scheduling.memory_cost import TELLING_PX, MemoryCost
from server.scheduling.watch import Call, Watch

T = TypeVar("T")


class MeasuredRuntime:
    """A `models.runtime.protocol.Runtime` around another. Several threads may call it."""

    def __init__(
        self, runtime: Runtime, *, cost: CostModel, shapes: KnownShapes, watch: Watch
    ) -> None:
        resident = resident_bytes()
        self.runtime = runtime
        self.cost = cost
        self.shapes = shapes
        self.memory = MemoryCost(
            graphs=runtime.precisions,
            expected_bytes_per_px=expected_bytes_per_px(runtime.name),
            idle_bytes=0 if resident is None else resident[0],
        )
        self._watch = watch
        self._lock = threading.Lock()
        self._num_begun = 0
        self._num_running = 0

    @property
    def name(self) -> str:
        return self.runtime.name

    @property
    def version(self) -> str:
        return self.runtime.version

    @property
    def precisions(self) -> Mapping[str, str]:
        return self.runtime.precisions

    def shape_for(
        self, graph: str, num_images: int, size: tuple[int, int], *, max_pixels: int
    ) -> tuple[int, int]:
        """See KnownShapes."""
        with self._lock:
            return self.shapes.shape_for(graph, num_images, size, max_pixels=max_pixels)

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        """See models.runtime.protocol.Runtime."""
        return self._measure(
            "frame",
            image.shape[0],
            (image.shape[1], image.shape[2]),
            lambda: self.runtime.frame(image, size),
        )

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        """See models.runtime.protocol.Runtime."""
        return self._measure(
            "flow",
            len(size),
            padded_size_of(first),
            lambda: self.runtime.flow(first, second, size),
        )

    def _measure(
        self, graph: str, num_images: int, size: tuple[int, int], call: Callable[[], T]
    ) -> T:
        num_pixels = num_images * size[0] * size[1]
        with self._lock:
            fit = self.cost.graphs[graph]
            expected_s = fit.cost.seconds(num_pixels=num_pixels, num_images=num_images)
            self._num_begun += 1
            self._num_running += 1
            order, by_itself = self._num_begun, self._num_running == 1
        before = None
        if by_itself and num_pixels >= TELLING_PX and forget_peak():
            before = resident_bytes()
        started_s = time.monotonic()
        try:
            answer = call()
        finally:
            measured_s = time.monotonic() - started_s
            with self._lock:
                self._num_running -= 1
        after = None if before is None else resident_bytes()
        with self._lock:
            is_cold = self.shapes.ran((graph, num_images, size), measured_s)
            # Every call teaches, because sizes may never repeat: the first one of a shape, what
            # a warm one would have taken.
            warm_s = measured_s / self.shapes.cold_factor if is_cold else measured_s
            fit.observe(num_pixels=num_pixels, num_images=num_images, measured_s=warm_s)
            if before is not None and after is not None and order == self._num_begun:
                self.memory.observe(
                    graph, num_pixels=num_pixels, before_bytes=before[0], peak_bytes=after[1]
                )
        self._watch.called(
            Call(
                graph=graph,
                num_images=num_images,
                size=size,
                expected_s=expected_s,
                measured_s=measured_s,
                is_cold=is_cold,
            )
        )
        return answer
