"""Threads that decode and encode, of which none is missed when it dies.

An executor of the standard library never notices that a thread of its own is dead: the work that
it held is never answered, and when the last one has died nothing is. Here whoever dies is replaced,
and what it was doing is done once more; work that kills a second thread fails alone.

A thread's work lies in its tray, never only in a local variable, and a tray is filled before the
queue is shortened: whatever line a thread dies at, its work is found.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from server.errors import Draining, ServerError

log = logging.getLogger("anyres.crew")

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 2


@dataclass(kw_only=True, eq=False)
class _Errand:
    call: Callable[[], object]
    future: "Future[Any]" = field(default_factory=Future)
    num_attempts: int = 0

    def run(self) -> None:
        """Do it and tell who waits. What is no Exception ends the thread, not only the errand."""
        self.num_attempts += 1
        if self.num_attempts == 1 and not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.call()
        except Exception as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


@dataclass(kw_only=True, eq=False)
class _Tray:
    """Of one thread."""

    errand: _Errand | None = None
    wake: threading.Lock = field(default_factory=threading.Lock)
    """Its owner waits for it to be released. A lock, since that is one call into C: a semaphore is
    written in Python, and a thread that dies inside of one leaves it locked."""


class Crew:
    """`num_threads` threads and one queue. Takes the place of a ThreadPoolExecutor."""

    def __init__(self, num_threads: int, *, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._queue: deque[_Errand] = deque()
        self._idle: list[_Tray] = []
        self._closed = False
        self.num_deaths = 0
        """Threads that had to be replaced."""
        for number in range(num_threads):
            self._hire(number, _Tray())

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Have it done by the next thread that is free."""
        errand = _Errand(call=lambda: call(*args, **kwargs))
        with self._lock:
            if self._closed:
                errand.future.set_exception(Draining("the server is stopping: ask another one"))
            elif self._idle:
                tray = self._idle.pop()
                tray.errand = errand
                tray.wake.release()
            else:
                self._queue.append(errand)
        return errand.future

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """Take nothing new; threads end after what they do, or after all that waits.

        `wait` is there for the signature's sake: the threads are daemons, nobody waits for them.
        """
        del wait
        with self._lock:
            self._closed = True
            waiting = list(self._queue) if cancel_futures else []
            if cancel_futures:
                self._queue.clear()
            for tray in self._idle:
                tray.wake.release()
            self._idle.clear()
        for errand in waiting:
            errand.future.cancel()

    def _hire(self, number: int, tray: _Tray) -> None:
        threading.Thread(
            target=self._work, args=(number, tray), name=f"{self.name}_{number}", daemon=True
        ).start()

    def _work(self, number: int, tray: _Tray) -> None:
        try:
            while self._wait_for_errand(tray):
                if tray.errand is not None:
                    tray.errand.run()
                    tray.errand = None
        except BaseException:
            self._replace(number, tray)
            log.exception("%s_%d died, another has taken its place", self.name, number)

    def _wait_for_errand(self, tray: _Tray) -> bool:
        """Wait until there is an errand in the tray; false at the end."""
        if tray.errand is not None:  # its last owner died over it
            return True
        with self._lock:
            if self._queue:
                tray.errand = self._queue[0]
                self._queue.popleft()
                return True
            if self._closed:
                return False
            tray.wake.acquire(blocking=False)  # shut, if it is not
            self._idle.append(tray)
        tray.wake.acquire()
        return tray.errand is not None  # else it was woken to go home

    def _replace(self, number: int, tray: _Tray) -> None:
        """The dying thread's last act: clear its tray for the next one."""
        with self._lock:
            self.num_deaths += 1
            if tray in self._idle:
                self._idle.remove(tray)
            errand = tray.errand
            if errand is not None and self._queue and self._queue[0] is errand:
                self._queue.popleft()
        left = None
        if errand is not None and not errand.future.done():
            if errand.num_attempts < ATTEMPTS:
                left = errand
            else:
                errand.future.set_exception(
                    ServerError(
                        f"this request ended {ATTEMPTS} threads of the server: the log has the "
                        f"reason, do not send it again"
                    )
                )
        self._hire(number, _Tray(errand=left))
