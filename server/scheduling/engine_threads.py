"""The threads that call the engine, and a keeper that replaces one that dies.

A Python thread ends when an exception reaches its top: an engine that raises SystemExit, or an
exception that is thrown into the thread from outside. The requests behind it must not wait for
ever.
"""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("anyres.worker")

LOOKS_S = 1.0  # the keeper looks at least so often; a thread that dies tells it at once
PAUSE_S = 1.0  # before a restart while the engine does not even run our own image


class EngineThreads:
    """As many threads as are wanted, numbered from 0.

    Args of the constructor:
        prepare: called first in every thread, with whether it takes the place of one that died;
            what it returns says whether there is work to do.
        turn: called again and again with the thread's number, until it returns false.
        died: called from the keeper with the number of a thread that ended by an exception.
        num_wanted: how many threads there should be, asked all the time. `turn` ends those that
            are too many; the first one ends last, and with it the keeper.
        is_well: whether a dead thread should be replaced at once.
        ended: called from the keeper when all of them have ended for good.
        changed: is notified when a thread ends, and wakes the keeper.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[bool], bool],
        turn: Callable[[int], bool],
        died: Callable[[int], None],
        num_wanted: Callable[[], int],
        is_well: Callable[[], bool],
        ended: Callable[[], None],
        changed: threading.Condition,
    ) -> None:
        self._prepare = prepare
        self._turn = turn
        self._died = died
        self._num_wanted = num_wanted
        self._is_well = is_well
        self._on_ended = ended
        self._changed = changed
        self._closing = False
        self._threads: dict[int, threading.Thread] = {}
        self._dead: set[int] = set()
        self._ended: set[int] = set()
        self._keeper = threading.Thread(target=self._keep, name="engine-keeper", daemon=True)

    @property
    def is_kept(self) -> bool:
        """Whether somebody watches over them."""
        return self._keeper.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether any of them runs, the keeper included."""
        return self.is_kept or any(one.is_alive() for one in list(self._threads.values()))

    @property
    def num_working(self) -> int:
        """That can take a turn."""
        with self._changed:
            gone = self._dead | self._ended
            return sum(slot not in gone and t.is_alive() for slot, t in self._threads.items())

    def start(self) -> None:
        """The keeper, and with it the first thread."""
        self._keeper.start()

    def stop(self, *, timeout_s: float) -> None:
        """No more replacements; `turn` has to end by itself."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._keeper.ident is not None:
            self._keeper.join(timeout_s)

    def _begin(self, slot: int, *, replaces: bool) -> None:
        with self._changed:
            self._dead.discard(slot)
            thread = threading.Thread(
                target=self._run, args=(slot, replaces), name=f"engine-{slot}", daemon=True
            )
            self._threads[slot] = thread
        thread.start()

    def _run(self, slot: int, replaces: bool) -> None:
        try:
            if self._prepare(replaces):
                while self._turn(slot):
                    pass
        except BaseException:  # whatever it is: the keeper goes on from here
            log.critical("a thread of the engine has died", exc_info=True)
            with self._changed:
                self._dead.add(slot)
                self._changed.notify_all()
        else:
            with self._changed:
                self._ended.add(slot)
                self._changed.notify_all()

    def _keep(self) -> None:
        self._begin(0, replaces=False)
        self._watch_over_them()
        for thread in list(self._threads.values()):
            thread.join()
        self._on_ended()

    def _watch_over_them(self) -> None:
        while True:
            with self._changed:
                if not (self._closing or self._ended or self._dead_now()):
                    self._changed.wait(LOOKS_S)
                # The first has ended in peace: there is nothing more to do.
                if self._closing or 0 in self._ended:
                    return
                dead = self._dead_now()
                for slot in self._ended:
                    del self._threads[slot]
                self._ended.clear()
                missing = [slot for slot in range(self._num_wanted()) if slot not in self._threads]
            for slot in dead:
                self._died(slot)
            if dead and not self._is_well():
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, PAUSE_S)
            for slot in (*dead, *missing):
                if not self._closing:
                    self._begin(slot, replaces=slot in dead)

    def _dead_now(self) -> list[int]:
        """Marked, or gone without a mark: an exception may hit the very last line."""
        return [
            slot
            for slot, thread in self._threads.items()
            if slot in self._dead
            or (thread.ident is not None and not thread.is_alive() and slot not in self._ended)
        ]
