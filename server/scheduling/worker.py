"""The way to the engine: jobs in, futures out.

Whoever waits holds a future. Cancelling it is how a client that left, or a deadline, takes its
job out of the queue; one that runs already runs to its end and its answer is thrown away.

A thread of the engine that dies is replaced, and its jobs run again, each alone: the one that kills
is answered 500, the others are answered.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from models.bundle import BundleError
from models.runtime.select import EngineError
from server.loading.loaded_model import LoadedModel
from server.scheduling.batcher import Batcher, BatchPolicy
from server.scheduling.cost import CostModel, Shape
from server.scheduling.desk import Desk
from server.scheduling.engine import Engine
from server.scheduling.engine_threads import EngineThreads
from server.scheduling.job import Answer, Job, Priority
from server.scheduling.lane import Waiting
from server.scheduling.process_memory import ProcessMemory
from server.scheduling.reception import Reception
from server.scheduling.watch import Watch

log = logging.getLogger("anyres.worker")


@dataclass(frozen=True, kw_only=True)
class WorkerPolicy:
    """What a worker may do. What is best within that, it learns."""

    batch: BatchPolicy = field(default_factory=lambda: BatchPolicy(pixel_budget=2_000_000))
    max_parallel: int = 1
    """Batches that run at once."""
    calibrate_s: float = 0.0
    """That the first calls may take, to learn what calls cost. 0 learns from clients alone."""
    hang_s: float = float("inf")
    """A batch that runs for longer, and for ten times what was expected, is taken to hang."""


class Worker:
    """Runs one model. `submit` may be called from any thread.

    Args of the constructor:
        load: makes the model, in the first of the engine's threads.
        on_loaded, on_failed: called from there with the model, or with the sentence to show.
        watch: is told what happens.
        memory: of the process; workers that share it do not take too much together.
    """

    def __init__(
        self,
        load: Callable[[], LoadedModel],
        *,
        on_loaded: Callable[[LoadedModel], None],
        on_failed: Callable[[str], None],
        policy: WorkerPolicy | None = None,
        watch: Watch | None = None,
        memory: ProcessMemory | None = None,
    ) -> None:
        self.policy = policy or WorkerPolicy()
        self._watch = watch or Watch()
        self._load = load
        self._on_loaded = on_loaded
        self._on_failed = on_failed
        cost = CostModel()
        self._batcher = Batcher(self.policy.batch, cost)
        self._desk = Desk(self._batcher, self._watch)
        self.engine = Engine(
            cost,
            pixel_budget=self.policy.batch.pixel_budget,
            max_parallel=self.policy.max_parallel,
            memory=memory or ProcessMemory(),
            changed=self._desk.changed,
            watch=self._watch,
        )
        self._reception = Reception(self.engine, self._batcher, self._desk)
        self._threads = EngineThreads(
            prepare=self._prepare,
            turn=self._turn,
            died=self._recover,
            num_wanted=lambda: self.engine.parallelism.level,
            ended=self._ended,
            is_well=lambda: self.engine.health.reason is None,
            changed=self._desk.changed,
        )

    @property
    def is_alive(self) -> bool:
        """Whether any of its threads runs."""
        return self._threads.is_alive

    @property
    def is_ready(self) -> bool:
        """Whether a job would be answered now."""
        return self.engine.model is not None and self.is_live and self.num_threads > 0

    @property
    def is_live(self) -> bool:
        """Whether waiting can help; false means restart the process."""
        return (
            self._threads.is_kept and not self.engine.health.is_broken and self._hanging_s is None
        )

    @property
    def trouble(self) -> str | None:
        """Why the engine does not even run an image of our own, or does not come back from one."""
        hanging_s = self._hanging_s
        if hanging_s is None:
            return self.engine.health.reason
        return f"the engine has been running one batch for {hanging_s:.0f} s: it hangs"

    @property
    def num_threads(self) -> int:
        """That can run a batch."""
        return self._threads.num_working

    @property
    def num_waiting(self) -> int:
        return len(self._desk)

    @property
    def num_waiting_pixels(self) -> int:
        return self._desk.num_pixels

    @property
    def max_pixels(self) -> int:
        """Of the largest image that would be taken now: the model's limit, or the memory's."""
        return self.engine.max_pixels

    @property
    def expected_wait_s(self) -> float:
        """Until a job that comes now has its turn, behind everybody."""
        return self._reception.ahead_s(Priority.BATCH, float("inf"), now_s=time.monotonic())

    def start(self) -> None:
        """Load in the background, then serve."""
        self._threads.start()

    def stop(self, *, timeout_s: float) -> None:
        """Finish what runs, refuse what waits."""
        self._desk.close()
        self._threads.stop(timeout_s=timeout_s)

    def check(
        self, *shapes: Shape, deadline_s: float, priority: Priority = Priority.NORMAL
    ) -> None:
        """What `submit_all` would say, before the work of decoding.

        Raises:
            TooManyPixels: one does not fit into the memory.
            QueueFull: they would not all be answered by their deadline.
        """
        error = self._reception.refusal(shapes, deadline_s=deadline_s, priority=priority)
        if error is not None:
            raise error

    def submit(
        self, job: Job, *, deadline_s: float, priority: Priority = Priority.NORMAL
    ) -> "Future[Answer]":
        """Queue a job; the deadline is `time.monotonic` time. The future tells of a refusal too."""
        (future,) = self.submit_all([job], deadline_s=deadline_s, priority=priority)
        return future

    def submit_all(
        self, jobs: Sequence[Job], *, deadline_s: float, priority: Priority = Priority.NORMAL
    ) -> "list[Future[Answer]]":
        """Queue the jobs of one request: what is expected of them together decides on all."""
        shapes = [
            Shape(size=job.size, num_frames=len(job.frames), has_flow=job.has_flow) for job in jobs
        ]
        with self._desk.changed:  # no thread takes the first before the last is there
            late = self._reception.refusal(shapes, deadline_s=deadline_s, priority=priority)
            return [
                self._desk.hand_in(
                    job,
                    Waiting(
                        id=self._desk.new_id(),
                        shape=shape,
                        arrived_s=time.monotonic(),
                        deadline_s=deadline_s,
                        priority=priority,
                    ),
                    refusal=self._reception.unusable(job) or late,
                )
                for job, shape in zip(jobs, shapes, strict=True)
            ]

    @property
    def _hanging_s(self) -> float | None:
        return self._desk.hanging_s(at_least_s=self.policy.hang_s, now_s=time.monotonic())

    def _prepare(self, replaces: bool) -> bool:
        """At the beginning of each of the engine's threads. False: there is no model."""
        if self.engine.model is not None:
            if replaces:
                self.engine.probe()  # is the engine to blame?
            return True
        try:
            model = self.engine.load(self._load, calibrate_s=self.policy.calibrate_s)
        except (BundleError, EngineError) as error:
            self._on_failed(str(error))
            return False
        except BaseException as error:
            log.exception("loading failed")
            self._on_failed(f"loading the model failed: {error!r}")
            return False
        self._on_loaded(model)
        return True

    def _turn(self, slot: int) -> bool:
        """Wait for work and do it; false at the end. Its images and maps are freed with it."""
        if slot > 0:
            self.engine.divide()  # the first thread goes on meanwhile
        batch = self._desk.take(
            slot, room=self.engine.room, num_wanted=lambda: self.engine.parallelism.level
        )
        if batch is None:
            return False
        if batch.entries:
            self.engine.answer(
                batch,
                slot,
                # What fewer threads do than are wanted says nothing about how many are best.
                backlog=lambda: (
                    len(self._desk) > 0
                    and self.num_threads >= self.engine.parallelism.level
                    and self.engine.at_once == self.engine.parallelism.level
                ),
            )
            self.engine.release(slot)
            self._desk.release(slot)  # and tell those who wait for a place
        elif self.engine.health.reason is not None:
            self.engine.probe()
        else:
            self.engine.rest(now_s=time.monotonic())
        return True

    def _recover(self, slot: int) -> None:
        self.engine.release(slot)
        self._desk.recover(slot)
        self._watch.restarted()

    def _ended(self) -> None:
        """The last of the engine's threads has."""
        self._desk.abandon()
        self.engine.unload()
