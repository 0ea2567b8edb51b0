"""Engines that do as a test says, around the toy's."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from server.loading.loaded_model import LoadedModel, load_model
from server.scheduling.watch import BatchDone, Call, Watch
from server.scheduling.worker import Worker
from tests.server.serving import config_for

FAILS, KILLS = 13, 66  # red of the first pixel of an image that does so


class Fussy:
    """Fails on some images, ends its thread on others, or fails on all while it `is_broken`."""

    name, version = "fussy", "0"

    def __init__(self, runtime: Runtime) -> None:
        self.precisions = {"frame": "f32", "flow": "f32"}
        self.is_broken = False
        self.batches: list[int] = []
        """Images in each call that had an answer."""
        self.before: Callable[[], object] = lambda: None
        """Called at the begin of each call."""
        self._runtime = runtime

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        self.before()
        reds = set(image[:, 0, 0, 0].tolist())
        if self.is_broken or FAILS in reds:
            raise RuntimeError("the device does not answer")
        if KILLS in reds:
            raise SystemExit("out of the engine")
        self.batches.append(len(image))
        return self._runtime.frame(image, size)

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        return self._runtime.flow(first, second, size)


def fussy_model(folder: Path) -> tuple[LoadedModel, Fussy]:
    """The toy with a fussy engine."""
    model = load_model(config_for(folder))
    engine = Fussy(model.selection.runtime)
    return replace(model, selection=replace(model.selection, runtime=engine)), engine


class Counting(Watch):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.batches: list[BatchDone] = []
        self.drops: list[str] = []
        self.restart = threading.Event()
        self.num_restarts = 0

    def called(self, call: Call) -> None:
        self.calls.append(call)

    def batch_done(self, batch: BatchDone) -> None:
        self.batches.append(batch)

    def dropped(self, reason: str) -> None:
        self.drops.append(reason)

    def restarted(self) -> None:
        self.num_restarts += 1
        self.restart.set()


def throw_into(worker: Worker, exception: type[BaseException]) -> None:
    """Raise it in the worker's first thread, wherever that is."""
    thread = worker._threads._threads[0]
    hit = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(exception)
    )
    assert hit == 1
