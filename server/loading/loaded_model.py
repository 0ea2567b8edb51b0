"""A bundle, read, checked, loaded into an engine and warmed up."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.bundle import Bundle, read_bundle
from models.runtime.predictor import predict
from models.runtime.select import Selection, select_runtime
from models.task import Task
from server.config import EngineConfig
from server.loading.memory import max_pixels_in_memory

log = logging.getLogger("anyres")

WARM_UP_PX = 64  # the first run allocates and compiles; any size does


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """What answers requests."""

    folder: Path
    bundle: Bundle
    selection: Selection
    max_pixels: int
    """Of one image: the server's limit, the bundle's or the memory's, whichever is least."""
    load_s: float

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(Task(task) for task in self.bundle.tasks)


def load_model(config: EngineConfig) -> LoadedModel:
    """Read, check, load, warm up.

    Raises:
        BundleError, EngineError
    """
    started_s = time.monotonic()
    bundle = read_bundle(config.bundle)
    selection = select_runtime(
        config.bundle,
        bundle,
        engine=config.engine,
        threads=config.threads,
        precision=config.precision,
    )
    image = np.zeros((WARM_UP_PX, WARM_UP_PX, 3), dtype=np.uint8)
    predict(selection.runtime, image, image if Task.FLOW in bundle.tasks else None)
    allowed = round(min(config.max_mpx, bundle.size_limits.max_mpx) * 1e6)
    fitting = max_pixels_in_memory(selection.runtime.name)
    if fitting < allowed:
        log.info(
            "images of up to %.1f Mpx fit into the free memory with %s, %.1f were allowed: give "
            "it more memory or choose --engine onnxruntime to take larger ones",
            fitting / 1e6,
            selection.runtime.name,
            allowed / 1e6,
        )
    return LoadedModel(
        folder=config.bundle,
        bundle=bundle,
        selection=selection,
        max_pixels=min(allowed, fitting),
        load_s=time.monotonic() - started_s,
    )
