"""A batch on its way through one engine."""

import time
from collections.abc import Iterator, Sequence

from models.image.sizes import padded_size
from models.runtime.job import Job
from models.runtime.predictor import Outcome, predict_batch
from server.scheduling.batch import Batch, Entry
from server.scheduling.execution import run_batch
from server.scheduling.job import Answer
from server.scheduling.measured_runtime import MeasuredRuntime


class BatchRun:
    """In the whole engine, or in a share of it."""

    def __init__(self, runtime: MeasuredRuntime, batch: Batch, *, pixel_budget: int) -> None:
        """
        Args:
            runtime: where it runs.
            batch: what was decided about it.
            pixel_budget: most padded pixels of images that share an array.
        """
        self._runtime = runtime
        self._batch = batch
        self._pixel_budget = pixel_budget
        self.started_s = time.monotonic()
        self.padded_px = 0
        """Of all calls so far."""

    def answer(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Exception | None]]:
        """Each entry as soon as it is known what became of it: answered, or why it is not."""
        for place, outcome in run_batch(self._predict, [entry.job for entry in entries]):
            entry = entries[place]
            if isinstance(outcome, Exception):
                yield entry, outcome
                continue
            entry.future.set_result(
                Answer(
                    prediction=outcome.prediction,
                    features=outcome.features,
                    queue_s=self.started_s - entry.waiting.arrived_s,
                    infer_s=time.monotonic() - self.started_s,
                    batch_size=len(entries),
                )
            )
            yield entry, None

    def _predict(self, jobs: Sequence[Job]) -> list[Outcome]:
        stride = self._runtime.cost.stride
        return predict_batch(
            self._runtime,
            jobs,
            stride=stride,
            together=self._batch.together,
            shape_of=self._shape_of,
        )

    def _shape_of(self, graph: str, num_images: int, size: tuple[int, int]) -> tuple[int, int]:
        shared = num_images > 1
        # The flow graph sees whole cells in any case.
        multiple = self._runtime.cost.stride if shared or graph == "flow" else 1
        size = padded_size([size], multiple=multiple)
        room_px = self._batch.room_px
        most = min(room_px, self._pixel_budget) if shared else room_px
        shape = self._runtime.shape_for(graph, num_images, size, max_pixels=most)
        if graph == "frame":
            self.padded_px += num_images * shape[0] * shape[1]
        return shape
