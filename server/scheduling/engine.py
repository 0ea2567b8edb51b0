"""A loaded model, what it is known to cost, and how a batch runs through it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from models.runtime.predictor import predict
from models.runtime.select import EngineError
from models.task import Task
from server.codecs.pixel_refusal import too_many_pixels
from server.loading.loaded_model import LoadedModel
from server.scheduling.batch import Batch, Entry, Room, engine_failed
from server.scheduling.batch_run import BatchRun
from server.scheduling.calibration import calibrate
from server.scheduling.cost import CostModel
from server.scheduling.device_health import DeviceHealth
from server.scheduling.division import LARGEST_PX
from server.scheduling.known_shapes import KnownShapes
from server.scheduling.measured_runtime import MeasuredRuntime
from server.scheduling.memory_ledger import Account
from server.scheduling.parallelism import Parallelism
from server.scheduling.places import LOADING, Places
from server.scheduling.process_memory import ProcessMemory
from server.scheduling.warm_up import warm_up
from server.scheduling.watch import BatchDone, Watch

log = logging.getLogger("anyres.worker")

PROBE_PX = 64
IDLE_S = 60.0  # without a batch, after which shares are let go of


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
        self.overlap = 1.0
        """Batches that ran at once while others waited, of late: large ones run alone."""
        self._learned_s = time.monotonic()
        self._pixel_budget = pixel_budget
        self._memory = memory
        self._account: Account = memory.ledger.open(changed)
        self._places = Places(memory.ledger, self._account)
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
        if self.is_divisible:
            at_once = min(self.parallelism.at_most, model.selection.threads)
            self.parallelism = Parallelism(at_most=at_once, step=max(at_once - 1, 1))
        # Work is counted in costs that stand still: under two batches at once each takes longer,
        # and that must not look like more work.
        self._work = self.cost.frozen()
        self._watch.serves(model.bundle.name)
        self.model = model
        return model

    def unload(self) -> None:
        """Let go of the model, when nobody runs it any more: others may hold this engine."""
        self.model = self._runtime = None
        self._places.division.let_go()
        self._memory.ledger.close(self._account)

    @property
    def is_divisible(self) -> bool:
        """Whether batches at once need shares."""
        runtime = self._runtime
        return runtime is not None and runtime.is_divisible

    def divide(self) -> None:
        """Load what as many batches at once as are wanted now need. Takes seconds."""
        model, count = self.model, self.parallelism.at_most
        if model is None or not self.is_divisible or self.parallelism.level == 1:
            return
        whole = self.runtime

        def load() -> Sequence[MeasuredRuntime]:
            return self._places.load_shares(
                whole, count, threads=model.selection.threads, model_bytes=model.num_bytes
            )

        # Whoever runs meanwhile is not blamed for the memory that this takes.
        self._places.division.prepare(lambda: self._memory.meter.measure(load, is_telling=False)[0])

    @property
    def at_once(self) -> int:
        """Batches that run at once: as many as are wanted, once all is there for it."""
        if self.is_divisible and not self._places.division.is_prepared:
            return 1
        return self.parallelism.level

    def room(self, slot: int) -> AbstractContextManager[Room]:
        """For a thread's next batch. Inside, no engine of this process finds any."""
        return self._places.room(slot, whole=self.runtime, at_once=self.parallelism.level)

    def release(self, slot: int) -> None:
        """The thread's batch has ended. Not while holding the lock of `changed`."""
        self._places.release(slot)

    def rest(self, *, now_s: float) -> None:
        """Nothing has come for a while: shares give their memory back."""
        if self.is_divisible and now_s - self._learned_s > IDLE_S and self.parallelism.most > 1:
            with self._lock:
                self.parallelism.forget()
            self._places.division.let_go()

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

    def answer(self, batch: Batch, slot: int, *, backlog: Callable[[], bool]) -> None:
        """Run a batch and answer everyone in it who is still there.

        Args:
            batch: that the thread has taken.
            slot: number of the thread.
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
        share = self._places.division.share_of(slot)
        run = BatchRun(share or self.runtime, batch, pixel_budget=self._pixel_budget)
        if share is None:
            failures = self._answer_in_whole(run, entries)
        else:
            failures = [entry for entry, error in run.answer(entries) if error is not None]
            if failures:
                self._answer_again(failures, batch)
        # A batch that failed took its time for something else, and one that is too large for a
        # share says nothing about them.
        is_large = self.is_divisible and batch.num_pixels > LARGEST_PX
        had_backlog = had_backlog and backlog()
        if had_backlog:
            self.overlap += 0.1 * (self._places.num_running - self.overlap)
        self._learn(batch, run, tells=had_backlog and not failures and not is_large)

    def _answer_in_whole(self, run: BatchRun, entries: Sequence[Entry]) -> list[Entry]:
        """Returns those that failed, and were told so."""
        failed = []
        for entry, error in run.answer(entries):
            if error is None:
                self.health.succeeded()
                continue
            failure = engine_failed()
            failure.__cause__ = error
            entry.future.set_exception(failure)
            failed.append(entry)
            self.probe()
        return failed

    def _answer_again(self, entries: Sequence[Entry], batch: Batch) -> None:
        """What failed in a share. If the whole engine answers any of it, shares are to blame."""
        run = BatchRun(self.runtime, batch, pixel_budget=self._pixel_budget)
        if len(self._answer_in_whole(run, entries)) < len(entries):
            log.error("a share of the engine fails where the whole does not: back to the whole")
            with self._lock:
                self.parallelism.give_up(now_s=time.monotonic())
            self._places.division.let_go()

    def _is_too_large(self, entry: Entry, room_px: int) -> bool:
        """Whether the memory that was free when it came is gone; then it has its answer."""
        assert self.model is not None  # it let the entry in
        size, allowed_px = entry.job.size, self.model.max_pixels
        error = too_many_pixels(size, allowed_px=allowed_px, fitting_px=room_px)
        if error is not None:
            entry.fail(error)
        return error is not None

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

    def _learn(self, batch: Batch, run: BatchRun, *, tells: bool) -> None:
        shapes = [entry.waiting.shape for entry in batch.entries]
        alone_s = sum(self.cost.alone_s(shape) for shape in shapes)
        with self._lock:
            now_s = time.monotonic()
            self.sharing += 0.1 * (self.cost.batch_s(shapes) / alone_s - self.sharing)
            self._learned_s = now_s
            self.parallelism.done(work_s=self._work.batch_s(shapes), now_s=now_s, backlog=tells)
            has_one = self.parallelism.most == 1
        if has_one:
            self._places.division.let_go()
        self._watch.batch_done(
            BatchDone(
                num_jobs=len(shapes),
                num_frames=sum(shape.num_frames for shape in shapes),
                image_pixels=sum(entry.waiting.num_pixels for entry in batch.entries),
                padded_pixels=run.padded_px,
                expected_s=batch.expected_s,
                measured_s=now_s - run.started_s,
            )
        )
