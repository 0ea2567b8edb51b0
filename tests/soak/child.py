"""The server of the soak, in a process of its own: `python -m server`, and a hook to hurt it.

    python -m tests.soak.child --bundle FOLDER --port 0 ...      (flags of python -m server)

It takes one command per line on its standard input and answers each with a line of JSON:

    kill engine     the thread of the engine dies in its next call: the call raises ThreadKilled,
                    which is no Exception, so that no handler of a failed request catches it
    kill decode     so does a thread that decodes, wherever it is: in its work, or waiting for some
    kill encode     the same for one that encodes
    fail engine     the next call of the engine raises RuntimeError, as a driver does
    state           resident bytes after collecting garbage and trimming the heap, threads, open
                    files, and what has died so far

The hook replaces a method of this process's runtime class and uses CPython's
PyThreadState_SetAsyncExc. Nothing of it is in the server: it cannot be reached in production.
"""

import ctypes
import gc
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.runtime.allocator import share_arena
from models.runtime.onnxruntime import OnnxRuntime
from models.runtime.openvino import OpenVino
from models.runtime.protocol import FrameMaps
from server.__main__ import main

KEEPERS = ("engine-keeper",)  # threads that look after others are no workers


class ThreadKilled(BaseException):
    """A worker's last moment."""


class Faults:
    """What is to go wrong next, and what has."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self._next: list[BaseException] = []
        self._lock = threading.Lock()

    def install(self) -> None:
        """Stand in front of the engines of this process."""
        self._install(OnnxRuntime)
        self._install(OpenVino)

    def _install(self, engine: Any) -> None:
        original: Callable[..., FrameMaps] = engine.frame
        faults = self

        def frame(self: Any, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
            faults.strike()
            return original(self, image, size)

        engine.frame = frame

    def strike(self) -> None:
        """Called by the engine's thread before each run."""
        with self._lock:
            fault = self._next.pop(0) if self._next else None
        if fault is not None:
            self.done["engine" if isinstance(fault, ThreadKilled) else "failure"] += 1
            raise fault

    def obey(self, command: str) -> dict[str, Any]:
        """One line of standard input."""
        verb, _, what = command.partition(" ")
        if command == "state":
            return {**_state(), "done": dict(self.done)}
        if command == "kill engine":
            with self._lock:
                self._next.append(ThreadKilled("by the soak"))
            return {"armed": what}
        if command == "fail engine":
            with self._lock:
                self._next.append(RuntimeError("the soak lets this call of the engine fail"))
            return {"armed": what}
        if verb == "kill":
            victim = _throw_into(what)
            self.done[what] += victim is not None
            return {"killed": victim}
        raise ValueError(f"the command is {command!r}, see the top of {__file__}")


def _throw_into(prefix: str) -> str | None:
    """The name of the thread that dies at its next line of Python; None if there is none."""
    for thread in threading.enumerate():
        if thread.name.startswith(prefix) and thread.name not in KEEPERS and thread.ident:
            ident, fault = ctypes.c_ulong(thread.ident), ctypes.py_object(ThreadKilled)
            if ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, fault) == 1:
                return thread.name
    return None


def _state() -> dict[str, int]:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what the heap only keeps for later is not a leak
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "rss_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "num_threads": threading.active_count(),
        "num_files": len(os.listdir("/proc/self/fd")),
    }


def _listen(faults: Faults) -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(faults.obey(line.strip())) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    share_arena()  # as the server itself does, but before a thread of ours has one of its own
    hook = Faults()
    hook.install()
    threading.Thread(target=_listen, args=(hook,), name="soak", daemon=True).start()
    sys.exit(main(sys.argv[1:]))
