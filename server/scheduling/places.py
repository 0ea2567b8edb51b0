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
        self._shares: dict[int, MeasuredRuntime] = {}
        """That threads have, by their number."""
        self._in_whole: set[int] = set()
        """Threads whose batch runs in the whole engine."""

    def divide(
        self, whole: MeasuredRuntime, level: int, *, threads: int, model_bytes: int
    ) -> Sequence[MeasuredRuntime]:
        """Shares for so many batches at once, loaded; none where they are of no use.

        Args:
            whole: the engine.
            level: batches.
            threads: of the engine.
            model_bytes: that each share will take.
        """
        num_bytes = level * model_bytes
        with self._ledger.look(self._account, LOADING) as look:
            if num_bytes > SHARE * look.free_bytes:
                log.info(
                    "no room for %d engines beside this one: %.1f GB are free, they take %.1f",
                    level,
                    look.free_bytes / 1e9,
                    num_bytes / 1e9,
                )
                return []
            look.claim_bytes = float(num_bytes)
        try:
            shares = [whole.share(threads // level, largest_px=LARGEST_PX) for _ in range(level)]
        finally:
            self._ledger.release(self._account, LOADING)
        return [share for share in shares if share is not None]

    @contextmanager
    def room(self, slot: int, *, whole: MeasuredRuntime, level: int) -> Iterator[Room]:
        """For a thread's next batch. Inside, no engine of this process finds any.

        Args:
            slot: number of the thread.
            whole: the engine.
            level: batches that are wanted at once.
        """
        with self._ledger.look(self._account, slot) as look:
            room = Room(pixels=whole.memory.pixels_in(look.free_bytes), is_idle=look.is_idle)
            # The whole engine has all threads: a second batch in it would wait there.
            waits = self.division.has_shares(level) and bool(self._in_whole - {slot})
            if waits:
                room.pixels, room.is_idle = min(room.pixels, LARGEST_PX), False
            yield room
            look.is_short = room.is_short and not waits
            if room.taken_px is None:
                return
            share = None
            if room.has_company and room.taken_px <= LARGEST_PX:
                share = self.division.take(level)
            if share is not None and room.taken_px > share.memory.pixels_in(look.free_bytes):
                self.division.give_back(share)
                share = None
            if share is None:
                self._in_whole.add(slot)
            else:
                self._shares[slot] = share
            look.claim_bytes = (share or whole).memory.growth_of(room.taken_px)

    def share_of(self, slot: int) -> MeasuredRuntime | None:
        """Where the thread's batch runs; None: in the whole engine."""
        return self._shares.get(slot)

    def release(self, slot: int) -> None:
        """The thread's batch has ended. Not while holding the lock of any engine."""
        self._in_whole.discard(slot)
        share = self._shares.pop(slot, None)
        if share is not None:
            self.division.give_back(share)
        self._ledger.release(self._account, slot)
