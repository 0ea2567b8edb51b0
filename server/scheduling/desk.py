"""Where jobs are handed in, and where the engine's threads take them. Nothing gets lost here.

A job is in the queue, or with a thread, or answered. A thread may die at any point, even while it
takes: what is then neither in the queue nor with a living thread is given to the next one.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import count
from math import fsum

from server.errors import MORE_TIME, DeadlinePassed, ServerError
from server.scheduling.batch import Batch, Entry, Room, engine_failed, stopping
from server.scheduling.batcher import Batcher
from server.scheduling.job import Answer, Job
from server.scheduling.lane import Waiting
from server.scheduling.watch import Watch

PATIENCE_S = 1.0  # a thread looks around at least so often
HANGS = 10  # times as long as was expected: no first run of a shape takes that long


class Desk:
    """Thread-safe. `changed` is its lock, and is notified of everything that happens."""

    def __init__(self, batcher: Batcher, watch: Watch) -> None:
        self.changed = threading.Condition()
        self.closing = False
        self._batcher = batcher
        self._watch = watch
        self._entries: dict[int, Entry] = {}
        self._taken: dict[int, Batch] = {}
        self._ids = count()

    def __len__(self) -> int:
        """Jobs that wait."""
        return len(self._batcher)

    @property
    def num_pixels(self) -> int:
        """Of the images of all jobs that wait."""
        with self.changed:
            return self._batcher.num_pixels

    def running_s(self, *, now_s: float) -> float:
        """Expected seconds until all that runs has ended, one after the other."""
        with self.changed:
            # One that takes longer than expected will take a little longer still.
            return fsum(
                max(batch.taken_s + batch.expected_s - now_s, 0.1 * batch.expected_s)
                for batch in self._taken.values()
                if batch.entries
            )

    def hanging_s(self, *, at_least_s: float, now_s: float) -> float | None:
        """For how long a batch has run that will not end any more; None if there is none.

        Args:
            at_least_s: no batch hangs before that.
            now_s: `time.monotonic` time.
        """
        with self.changed:
            for batch in self._taken.values():
                runs_s = now_s - batch.taken_s
                if batch.entries and runs_s > max(at_least_s, HANGS * batch.expected_s):
                    return runs_s
        return None

    def hand_in(
        self,
        job: Job,
        waiting: Waiting,
        *,
        refusal: ServerError | None,
    ) -> "Future[Answer]":
        """Queue a job, unless there is a reason to refuse it. Refusals that look at the queue are
        found under `changed`, which is still held here."""
        future: Future[Answer] = Future()
        with self.changed:
            error = stopping() if self.closing else refusal
            if error is None:
                entry = Entry(waiting=waiting, job=job, future=future)
                self._entries[waiting.id] = entry
                self._batcher.add(waiting)
                self.changed.notify_all()
        if error is not None:
            future.set_exception(error)
            return future
        future.add_done_callback(lambda done: self._left(waiting.id) if done.cancelled() else None)
        return future

    def new_id(self) -> int:
        """For a job."""
        return next(self._ids)

    def take(
        self,
        slot: int,
        *,
        room: Callable[[int], AbstractContextManager[Room]],
        num_wanted: Callable[[], int],
    ) -> Batch | None:
        """The next batch for a thread; it waits for one. None when the thread should end.

        Args:
            slot: number of the thread.
            room: for this thread's next batch. Inside, nobody else takes any.
            num_wanted: threads; those that are numbered from there on are too many.
        """
        given_up_s = time.monotonic() + PATIENCE_S
        with self.changed:
            while not self.closing:
                if slot >= num_wanted():
                    return None
                now_s = time.monotonic()
                with room(slot) as there_is:
                    batch, wake_s = self._next(slot, there_is, now_s=now_s)
                if batch is not None or now_s >= given_up_s:
                    return batch or Batch()
                self.changed.wait(max(min(wake_s or given_up_s, given_up_s) - now_s, 0.0))
        return None

    def release(self, slot: int) -> None:
        """The thread has answered all that it took."""
        with self.changed:
            batch = self._taken.pop(slot, None)
            for entry in () if batch is None else batch.entries:
                self._entries.pop(entry.waiting.id, None)
            self.changed.notify_all()

    def recover(self, slot: int) -> None:
        """The thread has died. Its jobs run again, each alone; one that was alone is answered."""
        with self.changed:
            batch = self._taken.pop(slot, Batch())
            with_others = {id_ for other in self._taken.values() for id_ in _ids(other)}
            lost = [
                entry
                for id_, entry in self._entries.items()
                if id_ not in self._batcher and id_ not in with_others
            ]
            suspects = set(_ids(batch)) if len(batch.entries) == 1 else set()
            for entry in lost:
                if not entry.future.done() and entry.waiting.id not in suspects:
                    entry.waiting = replace(entry.waiting, alone=entry.waiting.id in _ids(batch))
                    self._batcher.add(entry.waiting, again=True)
                else:
                    del self._entries[entry.waiting.id]
            self.changed.notify_all()
        for entry in lost:
            if entry.waiting.id in suspects and not entry.future.done():
                entry.fail(engine_failed())

    def close(self) -> None:
        """Refuse what waits and what comes; what runs ends."""
        with self.changed:
            self.closing = True
            left = [self._entries.pop(waiting.id) for waiting in self._batcher.take_all()]
            self.changed.notify_all()
        for entry in left:
            entry.fail(stopping())

    def abandon(self) -> None:
        """There is no thread any more, and will be none: whatever is left is refused."""
        self.close()
        with self.changed:
            left = list(self._entries.values())
            self._entries.clear()
            self._taken.clear()
        for entry in left:
            if not entry.future.done():
                entry.fail(stopping())

    def _next(self, slot: int, room: Room, *, now_s: float) -> tuple[Batch | None, float | None]:
        decision = self._batcher.next_batch(
            now_s=now_s, room_px=room.pixels, engine_is_idle=room.is_idle
        )
        room.is_short = decision.lacks_room
        for waiting in decision.expired:
            self._watch.dropped("expired")
            self._entries.pop(waiting.id).fail(
                DeadlinePassed(
                    f"the deadline passed while the request waited for the engine: {MORE_TIME}, or "
                    f"come when there is less to do"
                )
            )
        entries = tuple(self._entries[waiting.id] for waiting in decision.run)
        if not entries:
            return None, decision.wake_s
        batch = Batch(
            entries=entries,
            together=decision.together,
            room_px=room.pixels,
            num_pixels=decision.num_pixels,
            expected_s=self._batcher.cost.batch_s([entry.waiting.shape for entry in entries]),
            taken_s=now_s,
        )
        others = any(other.entries for at, other in self._taken.items() if at != slot)
        is_suspect = any(entry.waiting.alone for entry in entries)
        room.has_company = (others or len(self._batcher) > 0) and not is_suspect
        self._taken[slot] = batch
        room.taken_px = decision.num_pixels
        return batch, None

    def _left(self, id_: int) -> None:
        """Nobody waits for it any more."""
        with self.changed:
            if self._batcher.drop(id_):
                del self._entries[id_]
                self._watch.dropped("cancelled")


def _ids(batch: Batch) -> tuple[int, ...]:
    return tuple(entry.waiting.id for entry in batch.entries)
