"""A bundle, read, checked, loaded into an engine and warmed up."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.bundle import Bundle
from models.bundle_folder import read_bundle
from models.runtime.predictor import predict
from models.runtime.select import Selection, select_runtime
from models.task import Task
from server.config import EngineConfig
from server.loading.engine_cache import usable_cache
from server.loading.memory import expected_bytes_per_px, max_pixels_in_memory
from server.loading.model_memory import predict_model_bytes

log = logging.getLogger("anyres")

FIRST_PX = 64  # allocates what every size needs, and shows that the graphs run


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """What answers requests."""

    folder: Path
    bundle: Bundle
    selection: Selection
    max_pixels: int
    """Of one image: the server's limit or the bundle's. The memory may hold less at times."""
    warm_up_sizes: tuple[tuple[int, int], ...] = ()
    """(height, width) that its worker runs before it is ready."""
    num_bytes: int = 0
    """That it takes without an image, by prediction."""
    load_s: float
    """Reading, checking, loading."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(Task(task) for task in self.bundle.tasks)


def load_model(
    config: EngineConfig,
    folder: Path | None = None,
    *,
    warm_up_sizes: Iterable[tuple[int, int]] = (),
    check: Callable[[Bundle], None] = lambda _: None,
) -> LoadedModel:
    """Read, check, load, run once.

    Args:
        config: engine, precision, limits.
        folder: of the bundle; None takes the config's.
        warm_up_sizes: (height, width) for the worker to run before it is ready.
        check: called with the manifest before the engine loads; what it raises ends the loading.

    Raises:
        BundleError, EngineError
    """
    started_s = time.monotonic()
    folder = folder or config.bundle
    bundle = read_bundle(folder)
    check(bundle)
    selection = select_runtime(
        folder,
        bundle,
        engine=config.engine,
        threads=config.threads,
        precision=config.precision,
        cache=usable_cache(config.engine_cache),
    )
    first = np.zeros((FIRST_PX, FIRST_PX, 3), dtype=np.uint8)
    predict(selection.runtime, first, first if Task.FLOW in bundle.tasks else None)
    allowed = round(min(config.max_mpx, bundle.size_limits.max_mpx) * 1e6)
    runtime = selection.runtime
    needed = expected_bytes_per_px(runtime.name, runtime.precisions.values())
    fitting = max_pixels_in_memory(needed)
    if fitting < allowed:
        log.info(
            "images of up to %.1f Mpx fit into the memory that is free now with %s, %.1f are "
            "allowed: give it more memory or choose --engine onnxruntime to take larger ones",
            fitting / 1e6,
            runtime.name,
            allowed / 1e6,
        )
    return LoadedModel(
        folder=folder,
        bundle=bundle,
        selection=selection,
        max_pixels=allowed,
        warm_up_sizes=tuple(warm_up_sizes),
        num_bytes=predict_model_bytes(folder, bundle, runtime.name),
        load_s=time.monotonic() - started_s,
    )
