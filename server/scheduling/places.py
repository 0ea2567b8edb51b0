"""Where the batches of an engine's threads run: in the whole engine, or each in a share of it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from server.loading.memory import SHARE
from server.scheduling.batch import Room
from server.scheduling.division import LARGEST_PX, Division
from server.scheduling.measured_runtime import MeasuredRuntime
from server.scheduling.memory_ledger import Account, MemoryLedger

log = logging.getLogger("anyres.worker")

LOADING = -1  # in place of a thread's number


class Places:
    """Of one engine. Each is claimed with the memory that its batch will take."""

    def __init__(self, ledger: MemoryLedger, account: Account) -> None:
        self.division = Division()
        self._ledger = ledger
        self._account = account
        self._in_whole: set[int] = set()
        """Threads whose batch runs in the whole engine."""

    @property
    def num_running(self) -> int:
        """Batches."""
        return len(self._in_whole) + self.division.num_held

    def load_shares(
        self, whole: MeasuredRuntime, count: int, *, threads: int, model_bytes: int
    ) -> Sequence[MeasuredRuntime]:
        """Shares for so many batches at once; none where there is no room for them.

        Args:
            whole: the engine.
            count: of the shares.
            threads: of the engine.
            model_bytes: that each share will take, without an image.
        """
        warm_bytes = whole.memory.bytes_per_px * whole.warmed_px(LARGEST_PX)
        num_bytes = count * (model_bytes + warm_bytes)
        free_bytes = self._ledger.claim_part(self._account, LOADING, num_bytes, most=SHARE)
        if num_bytes > SHARE * free_bytes:
            log.info(
                "no room for %d engines beside this one: %.1f GB are free, they take %.1f",
                count,
                free_bytes / 1e9,
                num_bytes / 1e9,
            )
            return []
        try:
            return [whole.share(threads // count, largest_px=LARGEST_PX) for _ in range(count)]
        finally:
            self._ledger.release(self._account, LOADING)

    @contextmanager
    def room(self, slot: int, *, whole: MeasuredRuntime, at_once: int) -> Iterator[Room]:
        """For a thread's next batch. Inside, no engine of this process finds any.

        Args:
            slot: number of the thread.
            whole: the engine.
            at_once: batches that are wanted.
        """
        with self._ledger.look(self._account, slot) as look:
            room = Room(pixels=whole.memory.pixels_in(look.free_bytes), is_idle=look.is_idle)
            # The whole engine has all threads: a second batch in it would wait there.
            waits = at_once > 1 and whole.is_divisible and bool(self._in_whole - {slot})
            if waits:
                most_px = LARGEST_PX if self.division.has_free else 0
                room.pixels, room.is_idle = min(room.pixels, most_px), False
            yield room
            look.is_short = room.is_short and not waits
            if room.taken_px is None:
                return
            share = None
            if at_once > 1 and room.has_company and room.taken_px <= LARGEST_PX:
                share = self.division.take(slot)
            if share is not None and room.taken_px > share.memory.pixels_in(look.free_bytes):
                self.division.release(slot)
                share = None
            if share is None:
                self._in_whole.add(slot)
            look.claim_bytes = (share or whole).memory.growth_of(room.taken_px)

    def release(self, slot: int) -> None:
        """The thread's batch has ended. Not while holding the lock of any engine."""
        self._in_whole.discard(slot)
        self.division.release(slot)
        self._ledger.release(self._account, slot)
