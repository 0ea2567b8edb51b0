"""A loaded model, what it is known to cost, and how a batch runs through it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from models.image.sizes import padded_size
from models.runtime.job import Job
from models.runtime.predictor import Outcome, predict, predict_batch
from models.runtime.select import EngineError
from models.task import Task
from server.codecs.pixel_refusal import too_many_pixels
from server.loading.loaded_model import LoadedModel
from server.scheduling.batch import Batch, Entry, Room, engine_failed
from server.scheduling.calibration import calibrate
from server.scheduling.cost import CostModel
from server.scheduling.device_health import DeviceHealth
from server.scheduling.execution import run_batch
from server.scheduling.job import Answer
from server.scheduling.known_shapes import KnownShapes
from server.scheduling.measured_runtime import MeasuredRuntime
from server.scheduling.memory_ledger import Account
from server.scheduling.parallelism import Parallelism
from server.scheduling.process_memory import ProcessMemory
from server.scheduling.warm_up import warm_up
from server.scheduling.watch import BatchDone, Watch

PROBE_PX = 64
LOADING = -1  # in place of a thread's number


class Engine:
    """Several threads may call it once `load` has returned.

    Args of the constructor:
        cost: filled from what is measured; the batcher reads it.
        pixel_budget: most padded pixels of a batch.
        max_parallel: batches that may run at once.
        memory: of the process, which other engines share.
        changed: notified when others give memory back.
    """

    def __init__(
        self,
        cost: CostModel,
        *,
        pixel_budget: int,
        max_parallel: int,
        memory: ProcessMemory,
        changed: threading.Condition,
        watch: Watch,
    ) -> None:
        self.cost = cost
        self.shapes = KnownShapes()
        self.health = DeviceHealth()
        self.parallelism = Parallelism(at_most=max_parallel)
        self.model: LoadedModel | None = None
        self.sharing = 1.0
        """Cost of a batch as a share of its jobs run one by one, of late."""
        self._pixel_budget = pixel_budget
        self._memory = memory
        self._account: Account = memory.ledger.open(changed)
        self._watch = watch
        self._work = cost.frozen()
        self._runtime: MeasuredRuntime | None = None
        self._lock = threading.Lock()
        """Of what its threads have learned together."""

    @property
    def runtime(self) -> MeasuredRuntime:
        """Of the loaded model."""
        assert self._runtime is not None  # nothing runs before `load`
        return self._runtime

    @property
    def bytes_per_px(self) -> float:
        """Memory that a padded pixel takes: learned. 0 before there is a model."""
        runtime = self._runtime
        return 0.0 if runtime is None else runtime.memory.bytes_per_px

    def load(self, load: Callable[[], LoadedModel], *, calibrate_s: float) -> LoadedModel:
        """Load, warm up, and learn what calls cost. The model's `load_s` becomes that of all.

        Raises:
            BundleError, EngineError: and whatever else `load` raises.
        """
        started_s = time.monotonic()
        model = load()
        self.cost.stride = self.shapes.stride = model.bundle.stride
        self._runtime = MeasuredRuntime(
            model.selection.runtime,
            cost=self.cost,
            shapes=self.shapes,
            watch=self._watch,
            meter=self._memory.meter,
        )
        if calibrate_s > 0:
            calibrate(
                self._runtime,
                has_flow=Task.FLOW in model.tasks,
                stride=model.bundle.stride,
                budget_s=calibrate_s,
            )
        self._warm_up(model)
        model = replace(model, load_s=time.monotonic() - started_s)
        # Work is counted in costs that stand still: under two batches at once each takes longer,
        # and that must not look like more work.
        self._work = self.cost.frozen()
        self._watch.serves(model.bundle.name)
        self.model = model
        return model

    def unload(self) -> None:
        """Let go of the model, when nobody runs it any more: others may hold this engine."""
        self.model = self._runtime = None
        self._memory.ledger.close(self._account)

    @contextmanager
    def room(self, slot: int) -> Iterator[Room]:
        """For a thread's next batch. Inside, no engine of this process finds any."""
        cost = self.runtime.memory
        with self._memory.ledger.look(self._account, slot) as look:
            room = Room(pixels=cost.pixels_in(look.free_bytes), is_idle=look.is_idle)
            yield room
            look.is_short = room.is_short
            if room.taken_px is not None:
                look.claim_bytes = cost.growth_of(room.taken_px)

    def release(self, slot: int) -> None:
        """The thread's batch has ended. Not while holding the lock of `changed`."""
        self._memory.ledger.release(self._account, slot)

    @property
    def max_pixels(self) -> int:
        """Of the largest image that would be taken; what runs gives its memory back before."""
        model, runtime = self.model, self._runtime
        if model is None or runtime is None:  # the engine's thread may be about to let go
            return 0
        idle_bytes = self._memory.ledger.idle_bytes
        return min(model.max_pixels, runtime.memory.pixels_in(idle_bytes))

    def probe(self) -> None:
        """Run an image of our own, to know whether an image or the engine is to blame."""
        image = np.zeros((PROBE_PX, PROBE_PX, 3), dtype=np.uint8)
        try:
            predict(self.runtime.runtime, image)
        except Exception as error:
            self.health.probe_failed(f"the engine fails on any image: {error!r:.200}")
        except BaseException as error:
            self.health.probe_failed(f"the engine ends its thread on any image: {error!r:.200}")
            raise
        else:
            self.health.succeeded()

    def answer(self, batch: Batch, *, backlog: Callable[[], bool]) -> None:
        """Run a batch and answer everyone in it who is still there.

        Args:
            backlog: whether more waits.
        """
        had_backlog = backlog()
        entries = [
            entry
            for entry in batch.entries
            if entry.begin() and not self._is_too_large(entry, batch.room_px)
        ]
        if not entries:
            return
        started_s = time.monotonic()
        padded: list[int] = []
        jobs = [entry.job for entry in entries]

        def run(some: Sequence[Job]) -> list[Outcome]:
            return self._run(some, batch, padded)

        for place, outcome in run_batch(run, jobs):
            entry = entries[place]
            if isinstance(outcome, Exception):
                failure = engine_failed()
                failure.__cause__ = outcome
                entry.future.set_exception(failure)
                self.probe()
                continue
            self.health.succeeded()
            entry.future.set_result(
                Answer(
                    prediction=outcome.prediction,
                    features=outcome.features,
                    queue_s=started_s - entry.waiting.arrived_s,
                    infer_s=time.monotonic() - started_s,
                    batch_size=len(entries),
                )
            )
        self._learn(batch, started_s=started_s, padded=padded, backlog=had_backlog and backlog())

    def _is_too_large(self, entry: Entry, room_px: int) -> bool:
        """Whether the memory that was free when it came is gone; then it has its answer."""
        assert self.model is not None  # it let the entry in
        size, allowed_px = entry.job.size, self.model.max_pixels
        error = too_many_pixels(size, allowed_px=allowed_px, fitting_px=room_px)
        if error is not None:
            entry.fail(error)
        return error is not None

    def _run(self, jobs: Sequence[Job], batch: Batch, padded: list[int]) -> list[Outcome]:
        stride = self.runtime.cost.stride

        def shape_of(graph: str, num_images: int, size: tuple[int, int]) -> tuple[int, int]:
            shared = num_images > 1
            # The flow graph sees whole cells in any case.
            size = padded_size([size], multiple=stride if shared or graph == "flow" else 1)
            most = min(batch.room_px, self._pixel_budget) if shared else batch.room_px
            shape = self.runtime.shape_for(graph, num_images, size, max_pixels=most)
            if graph == "frame":
                padded.append(num_images * shape[0] * shape[1])
            return shape

        return predict_batch(
            self.runtime, jobs, stride=stride, together=batch.together, shape_of=shape_of
        )

    def _warm_up(self, model: LoadedModel) -> None:
        """
        Raises:
            EngineError: a size is too large for the model, or for the memory.
        """
        if not model.warm_up_sizes:
            return
        ledger, largest_px = self._memory.ledger, max(h * w for h, w in model.warm_up_sizes)
        most_px = min(model.max_pixels, self.runtime.memory.pixels_in(ledger.idle_bytes))
        if largest_px > most_px:
            raise EngineError(
                f"the warm-up list has an image of {largest_px / 1e6:.1f} Mpx, expected at most "
                f"{most_px / 1e6:.1f}, which the model takes and the memory holds: leave it out"
            )
        ledger.claim(self._account, LOADING, self.runtime.memory.growth_of(largest_px))
        try:
            warm_up(
                self.runtime,
                model.warm_up_sizes,
                has_flow=Task.FLOW in model.tasks,
                stride=model.bundle.stride,
                pixel_budget=self._pixel_budget,
            )
        finally:
            ledger.release(self._account, LOADING)

    def _learn(self, batch: Batch, *, started_s: float, padded: list[int], backlog: bool) -> None:
        shapes = [entry.waiting.shape for entry in batch.entries]
        alone_s = sum(self.cost.alone_s(shape) for shape in shapes)
        with self._lock:
            now_s = time.monotonic()
            self.sharing += 0.1 * (self.cost.batch_s(shapes) / alone_s - self.sharing)
            self.parallelism.done(work_s=self._work.batch_s(shapes), now_s=now_s, backlog=backlog)
        self._watch.batch_done(
            BatchDone(
                num_jobs=len(shapes),
                num_frames=sum(shape.num_frames for shape in shapes),
                image_pixels=sum(entry.waiting.num_pixels for entry in batch.entries),
                padded_pixels=sum(padded),
                expected_s=batch.expected_s,
                measured_s=now_s - started_s,
            )
        )
