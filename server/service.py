"""What the routes share: the worker, the pools, the counters, and whether we are open."""

import logging
import math
from collections.abc import Callable

from models.runtime.cpu import usable_cores
from server.codecs.decode import ImageLimits
from server.config import ServerConfig
from server.errors import Draining, NotReady
from server.loading.loaded_model import LoadedModel, load_model
from server.scheduling.admission import Admission
from server.scheduling.crew import Crew
from server.scheduling.policy import worker_policy
from server.scheduling.worker import Worker
from server.watching.telemetry import Telemetry

log = logging.getLogger("anyres")

WORKER_STOP_S = 5.0  # for an inference that nobody waits for any more


class Service:
    """One model on one device. Made with the application, started with its lifespan."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        load: Callable[[], LoadedModel] | None = None,
        on_failed: Callable[[], None] = lambda: None,
    ) -> None:
        self.config = config
        self.model: LoadedModel | None = None
        self.failure: str | None = None
        """Why there will be no model."""
        self.draining = False
        self.telemetry = Telemetry()
        self.admission = Admission(
            max_requests=config.max_queue,
            max_bytes=config.max_queue_bytes,
            max_pixels=round(config.max_queue_mpx * 1e6),
        )
        threads = config.codec_threads or min(8, usable_cores())
        self.decoders = Crew(threads, name="decode")
        self.encoders = Crew(threads, name="encode")
        self.worker = Worker(
            load or (lambda: load_model(config)),
            on_loaded=self._loaded,
            on_failed=self._failed,
            policy=worker_policy(config),
            watch=self.telemetry.scheduling.watch(),
        )
        self._on_failed = on_failed
        watch = self.telemetry.watch
        self.telemetry.watch_workers(
            lambda: [] if self.model is None else [(self.model.bundle.name, self.worker)]
        )
        watch(
            "anyres_admitted_requests", "From body to answer.", lambda: self.admission.num_requests
        )
        watch("anyres_admitted_bytes", "Of request bodies.", lambda: self.admission.num_bytes)
        watch("anyres_admitted_pixels", "From header to answer.", lambda: self.admission.num_pixels)
        watch("anyres_ready", "1 while /readyz says 200.", lambda: float(self.is_ready))

    @property
    def is_ready(self) -> bool:
        """Whether a prediction would be taken now."""
        return self.model is not None and not self.draining and self.worker.is_ready

    @property
    def is_live(self) -> bool:
        """Whether waiting can help; false means restart."""
        return self.failure is None and self.worker.is_live

    @property
    def retry_after_s(self) -> int:
        """When the queue is likely shorter."""
        return max(1, min(600, math.ceil(self.worker.expected_wait_s)))

    def open_model(self) -> LoadedModel:
        """The model that answers.

        Raises:
            NotReady, Draining
        """
        if self.draining:
            raise Draining("the server is stopping: ask another one", retry_after_s=5)
        if self.failure is not None:
            raise NotReady(f"there is no model ({self.failure}): the operator has to act")
        if self.model is None:
            raise NotReady("the model is still loading: come again", retry_after_s=2)
        return self.model

    def image_limits(self, model: LoadedModel) -> ImageLimits:
        """Which images are let in."""
        limits = model.bundle.size_limits
        return ImageLimits(
            max_pixels=self.worker.max_pixels,
            min_side_px=limits.min_side,
            max_side_px=limits.max_side,
        )

    def start(self) -> None:
        """Begin to load; returns at once."""
        self.worker.start()

    def stop(self) -> None:
        """After the last request."""
        self.draining = True
        self.worker.stop(timeout_s=WORKER_STOP_S)
        self.decoders.shutdown(wait=False, cancel_futures=True)
        self.encoders.shutdown(wait=False, cancel_futures=True)

    def _loaded(self, model: LoadedModel) -> None:
        self.telemetry.loaded(model)
        self.model = model
        log.info(
            "serving %s %s from %s, loaded in %.1f s; %s",
            model.bundle.name,
            model.bundle.version,
            model.folder,
            model.load_s,
            model.selection.reason,
        )

    def _failed(self, reason: str) -> None:
        self.failure = reason
        self._on_failed()
