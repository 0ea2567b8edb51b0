"""The thread that owns the engine. It loads the model, then takes requests from the batcher.

Whoever waits holds a future. Cancelling it is how a client that left, or a deadline, takes its
request out of the queue; one that runs already runs to its end and its answer is thrown away.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count

from models.bundle import BundleError
from models.runtime.predictor import predict
from models.runtime.select import EngineError
from server.errors import DeadlinePassed, Draining, ServerError
from server.loading.loaded_model import LoadedModel
from server.scheduling.batcher import Batcher, Waiting
from server.scheduling.job import Answer, Job, Priority

log = logging.getLogger("anyres.worker")


@dataclass(frozen=True, kw_only=True)
class _Entry:
    job: Job
    future: "Future[Answer]"


class Worker:
    """Runs one model in one thread. `submit` may be called from any thread.

    Args of the constructor:
        load: makes the model, in the worker's thread.
        on_loaded, on_failed: called from there with the model, or with the sentence to show.
    """

    def __init__(
        self,
        load: Callable[[], LoadedModel],
        *,
        on_loaded: Callable[[LoadedModel], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self._load = load
        self._on_loaded = on_loaded
        self._on_failed = on_failed
        self._batcher = Batcher()
        self._jobs: dict[int, _Entry] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._ids = count()
        self._recent_s = 1.0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Load in the background, then serve."""
        self._thread.start()

    def stop(self, *, timeout_s: float) -> None:
        """Finish what runs, refuse what waits."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def num_waiting(self) -> int:
        return len(self._batcher)

    @property
    def num_waiting_pixels(self) -> int:
        with self._changed:
            return self._batcher.num_pixels

    @property
    def expected_wait_s(self) -> float:
        """A guess from the last requests, for Retry-After."""
        return (self.num_waiting + 1) * self._recent_s

    def submit(
        self,
        job: Job,
        *,
        deadline_s: float,
        priority: Priority = Priority.NORMAL,
    ) -> "Future[Answer]":
        """Queue a job; the deadline is `time.monotonic` time."""
        del priority
        future: Future[Answer] = Future()
        id_ = next(self._ids)
        num_pixels = job.size[0] * job.size[1] * job.num_frames
        with self._changed:
            if self._stopping:
                future.set_exception(Draining("the server is stopping: ask another one"))
                return future
            self._jobs[id_] = _Entry(job=job, future=future)
            self._batcher.add(
                Waiting(
                    id=id_,
                    num_pixels=num_pixels,
                    arrived_s=time.monotonic(),
                    deadline_s=deadline_s,
                )
            )
            self._changed.notify()
        future.add_done_callback(lambda done: self._forget(id_) if done.cancelled() else None)
        return future

    def _forget(self, id_: int) -> None:
        with self._changed:
            if self._batcher.drop(id_):
                del self._jobs[id_]

    def _run(self) -> None:
        try:
            model = self._load()
        except (BundleError, EngineError) as error:
            self._on_failed(str(error))
            return
        except Exception as error:
            log.exception("loading failed")
            self._on_failed(f"loading the model failed: {error!r}")
            return
        self._on_loaded(model)
        while self._turn(model):
            pass

    def _turn(self, model: LoadedModel) -> bool:
        """Wait for work and do it; false at the end. Its images and maps are freed with it."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._batcher) > 0 or self._stopping)
            if self._stopping:
                left = list(self._jobs.values())
                self._jobs.clear()
                for entry in left:
                    _refuse(entry, Draining("the server is stopping: ask another one"))
                return False
            decision = self._batcher.next_batch(now_s=time.monotonic())
            expired = [self._jobs.pop(waiting.id) for waiting in decision.expired]
            chosen = [(waiting, self._jobs.pop(waiting.id)) for waiting in decision.run]
        for entry in expired:
            _refuse(
                entry,
                DeadlinePassed(
                    "the deadline passed while the request waited for the engine: allow more "
                    "with timeout_ms, or come when there is less to do"
                ),
            )
        for waiting, entry in chosen:
            self._answer(model, waiting, entry)
        return True

    def _answer(self, model: LoadedModel, waiting: Waiting, entry: _Entry) -> None:
        if not entry.future.set_running_or_notify_cancel():
            return
        started_s = time.monotonic()
        try:
            prediction = predict(
                model.selection.runtime,
                entry.job.image,
                entry.job.next_image if entry.job.has_flow else None,
            )
        except Exception as error:  # one bad request must not take the engine with it
            log.exception("the engine failed on an image of %s", entry.job.image.shape)
            failure = ServerError("the engine failed on this image; the log has the reason")
            failure.__cause__ = error
            entry.future.set_exception(failure)
            return
        infer_s = time.monotonic() - started_s
        self._recent_s += 0.2 * (infer_s - self._recent_s)
        entry.future.set_result(
            Answer(prediction=prediction, queue_s=started_s - waiting.arrived_s, infer_s=infer_s)
        )


def _refuse(entry: _Entry, error: ServerError) -> None:
    if entry.future.set_running_or_notify_cancel():
        entry.future.set_exception(error)
