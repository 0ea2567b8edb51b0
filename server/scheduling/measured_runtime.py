"""A runtime that learns what its calls cost: seconds, memory, and what a new shape costs more."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.runtime.feature_cells import padded_size_of
from models.runtime.protocol import Divisible, Features, FlowMaps, FrameMaps, Runtime
from server.loading.memory import KEEPS_MEMORY, expected_bytes_per_px, resident_bytes
from server.scheduling.cost import CostModel
from server.scheduling.known_shapes import Key, KnownShapes
from server.scheduling.memory_cost import TELLING_PX, MemoryCost
from server.scheduling.peak_meter import PeakMeter
from server.scheduling.watch import Call, Watch

WARMED = 4  # shapes that a share runs before it takes work

T = TypeVar("T", FrameMaps, FlowMaps)


class MeasuredRuntime:
    """A `models.runtime.protocol.Runtime` around another. Several threads may call it."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        cost: CostModel,
        shapes: KnownShapes,
        watch: Watch,
        meter: PeakMeter,
    ) -> None:
        """
        Args:
            runtime: that answers.
            cost: taught by every call.
            shapes: that it has met.
            watch: is told of every call.
            meter: of the process's memory.
        """
        resident = resident_bytes()
        self.runtime = runtime
        self.cost = cost
        self.shapes = shapes
        self.memory = MemoryCost(
            graphs=runtime.precisions,
            expected_bytes_per_px=expected_bytes_per_px(runtime.name, runtime.precisions.values()),
            idle_bytes=0 if resident is None else resident[0],
            keeps=runtime.name in KEEPS_MEMORY,
        )
        self._watch = watch
        self._meter = meter
        self._lock = threading.Lock()
        """Of `cost`, and of what is learned of cold shapes: shares teach both."""

    @property
    def name(self) -> str:
        return self.runtime.name

    @property
    def version(self) -> str:
        return self.runtime.version

    @property
    def precisions(self) -> Mapping[str, str]:
        return self.runtime.precisions

    @property
    def is_divisible(self) -> bool:
        """Whether calls at the same time need shares: without, it runs one after the other."""
        return isinstance(self.runtime, Divisible)

    def share(self, threads: int, *, largest_px: int) -> "MeasuredRuntime":
        """This engine once more, with so many threads, warm for the shapes that were run last.

        Args:
            threads: 1 or more.
            largest_px: of a batch in it.
        """
        assert isinstance(self.runtime, Divisible)  # others run calls at the same time anyway
        share = MeasuredRuntime(
            self.runtime.share(threads),
            cost=self.cost,
            shapes=self.shapes.anew(),
            watch=self._watch,
            meter=self._meter,
        )
        share._lock = self._lock
        share._warm_like(self._latest(largest_px))
        return share

    def warmed_px(self, largest_px: int) -> int:
        """Of the largest batch that a share runs before it takes work."""
        return max((count * h * w for _, count, (h, w) in self._latest(largest_px)), default=0)

    def _latest(self, largest_px: int) -> list[Key]:
        with self._lock:
            latest = self.shapes.latest(WARMED)
        return [key for key in latest if key[1] * key[2][0] * key[2][1] <= largest_px]

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

    def _warm_like(self, shapes: Iterable[Key]) -> None:
        """Run images of these shapes, so that no request meets them cold. Teaches nothing else."""
        for graph, count, shape in shapes:
            size = np.array([shape] * count, np.int64)
            maps = self.runtime.frame(np.zeros((count, *shape, 3), np.uint8), size)
            self.shapes.met(("frame", count, shape))
            if graph == "flow":
                self.runtime.flow(maps.features, maps.features, size)
                self.shapes.met((graph, count, shape))

    def _measure(
        self, graph: str, num_images: int, size: tuple[int, int], call: Callable[[], T]
    ) -> T:
        num_pixels = num_images * size[0] * size[1]
        with self._lock:
            fit = self.cost.graphs[graph]
            expected_s = fit.cost.seconds(num_pixels=num_pixels, num_images=num_images)

        def timed() -> tuple[T, float]:
            started_s = time.monotonic()
            answer = call()
            return answer, time.monotonic() - started_s

        (answer, measured_s), growth = self._meter.measure(
            timed, is_telling=num_pixels >= TELLING_PX
        )
        with self._lock:
            is_cold = self.shapes.ran((graph, num_images, size), measured_s)
            # Every call teaches, because sizes may never repeat: the first one of a shape, what
            # a warm one would have taken.
            warm_s = measured_s / self.shapes.cold_factor if is_cold else measured_s
            fit.observe(num_pixels=num_pixels, num_images=num_images, measured_s=warm_s)
            if growth is not None:
                self.memory.observe(
                    graph,
                    num_pixels=num_pixels,
                    growth=growth,
                    answer_bytes=num_bytes(answer),
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


def num_bytes(answer: FrameMaps | FlowMaps) -> int:
    """Of all its arrays."""
    arrays = list(vars(answer).values())
    if isinstance(answer, FrameMaps):
        arrays += answer.features.levels.values()
    return sum(getattr(array, "nbytes", 0) for array in arrays)
