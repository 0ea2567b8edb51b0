"""What the routes share: the models, the pools, the counters, and whether we are open."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from models.runtime.cpu import usable_cores
from server.access.api_keys import read_api_keys
from server.access.callers import Callers, RateLimits
from server.codecs.decode import ImageLimits
from server.config import ServerConfig
from server.errors import Draining, NotReady
from server.loading.loaded_model import LoadedModel
from server.loading.memory import total_bytes
from server.loading.model_folder import Candidate
from server.roster.keeper import Keeper
from server.roster.served_model import ServedModel
from server.scheduling.admission import Admission
from server.scheduling.arriving import Arriving
from server.scheduling.crew import Crew
from server.streams.table import StreamTable, room_for_streams
from server.watching.telemetry import Telemetry
from server.watching.tracing import start_tracing

STOP_S = 5.0  # for inferences that nobody waits for any more


class Service:
    """The models of one device. Made with the application, started with its lifespan."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        load: Callable[[], LoadedModel] | None = None,
        on_failed: Callable[[], None] = lambda: None,
    ) -> None:
        self.config = config
        self.draining = False
        self.num_live_frames = 0
        """Of WebSockets, on their way: the end waits for them, as uvicorn does for requests."""
        self.telemetry = Telemetry()
        self.tracing = start_tracing(config.otel_endpoint, sample=config.otel_sample)
        self.admission = Admission(
            max_requests=config.max_queue,
            max_bytes=config.max_queue_bytes,
            max_pixels=round(config.max_queue_mpx * 1e6),
        )
        self.arriving = Arriving(max_bytes=config.max_arriving_bytes)
        text = "" if config.api_keys is None else config.api_keys.get_secret_value()
        self.callers = Callers(
            read_api_keys(text=text, file=config.api_keys_file),
            RateLimits(
                requests_per_s=config.requests_per_s,
                mpx_per_s=config.mpx_per_s,
                burst_s=config.burst_s,
            ),
        )
        self.streams = StreamTable(
            max_streams=config.max_streams,
            max_bytes=config.max_stream_bytes or room_for_streams(total_bytes()),
            idle_s=config.stream_idle_s,
            on_end=lambda reason: self.telemetry.streams_ended.labels(reason).inc(),
        )
        threads = config.codec_threads or min(8, usable_cores())
        self.decoders = Crew(threads, name="decode")
        self.encoders = Crew(threads, name="encode")
        self.telemetry.watch_crews(self.decoders, self.encoders)
        self.keeper = Keeper(config, load=load, watcher=self, watch=self.telemetry.scheduling.watch)
        self._on_failed = on_failed
        watch = self.telemetry.watch
        self.telemetry.watch_workers(
            lambda: [(one.name, one.version, one.worker) for one in self.keeper.roster]
        )
        watch(
            "anyres_admitted_requests", "From body to answer.", lambda: self.admission.num_requests
        )
        watch("anyres_admitted_bytes", "Of request bodies.", lambda: self.admission.num_bytes)
        watch("anyres_admitted_pixels", "From header to answer.", lambda: self.admission.num_pixels)
        watch("anyres_arriving_bytes", "Of incomplete bodies.", lambda: self.arriving.num_bytes)
        watch("anyres_streams", "That are open.", lambda: len(self.streams))
        watch("anyres_stream_bytes", "Of features kept.", lambda: self.streams.num_bytes)
        watch("anyres_ready", "1 while /readyz says 200.", lambda: float(self.is_ready))
        watch("anyres_draining", "1 from SIGTERM to the end.", lambda: float(self.draining))
        watch(
            "anyres_models_failed",
            "Models in the folder that cannot be served; /v1/models says why.",
            lambda: sum(one.state == "failed" for one in self.keeper.troubles),
        )
        self.telemetry.watch_models(lambda: self.keeper.roster)

    @property
    def model(self) -> ServedModel | None:
        """That answers requests which name none."""
        return self.keeper.roster.default

    @property
    def failure(self) -> str | None:
        """Why there will be no model."""
        return self.keeper.failure

    @property
    def is_started(self) -> bool:
        """Whether every model that was there at the start was loaded, or has failed."""
        return self.keeper.has_looked and self.failure is None and self._has_what_it_needs

    @property
    def is_ready(self) -> bool:
        """Whether predictions would be taken now."""
        return not self.draining and self.is_started and self.is_live and self._answers

    @property
    def _answers(self) -> bool:
        """Whether every model has a thread that runs; one that has died is replaced."""
        return all(one.worker.is_ready for one in self.keeper.roster)

    @property
    def is_live(self) -> bool:
        """Whether waiting can help; false means restart."""
        return self.failure is None and all(one.worker.is_live for one in self.keeper.roster)

    @property
    def why_not_ready(self) -> str:
        """One sentence; empty if it is."""
        roster = self.keeper.roster
        if self.draining:
            return "the server is stopping"
        if self.failure is not None:
            return self.failure
        if not self.keeper.has_looked:
            return "the model is loading"
        if not self._has_what_it_needs:
            wanted = (
                f"the default model {roster.default_name}" if roster.default_name else "a model"
            )
            return f"{wanted} is not served: /v1/models says why"
        return "" if self.is_live and self._answers else self._trouble

    @property
    def why_not_live(self) -> str:
        """One sentence; empty if it is."""
        return "" if self.is_live else self.failure or self._trouble

    @property
    def _trouble(self) -> str:
        troubles = (model.worker.trouble for model in self.keeper.roster)
        return next(filter(None, troubles), "an engine's thread has ended")

    @property
    def _has_what_it_needs(self) -> bool:
        roster = self.keeper.roster
        return roster.default is not None if roster.default_name else len(roster) > 0

    @property
    def retry_after_s(self) -> int:
        """When the longest queue is likely shorter."""
        waits = [model.worker.expected_wait_s for model in self.keeper.roster]
        return max(1, min(600, math.ceil(max(waits, default=1.0))))

    def open_model(self, spec: str | None = None) -> ServedModel:
        """The model that answers. Hold it for as long as the request lasts, and no longer.

        Args:
            spec: "name", "name@version", or None for the default model.

        Raises:
            UnknownModel, NotReady, Draining
        """
        if self.draining:
            raise Draining("the server is stopping: ask another one", retry_after_s=5)
        if self.failure is not None:
            raise NotReady(f"there is no model ({self.failure}): the operator has to act")
        roster = self.keeper.roster
        if spec is None and roster.default_name and roster.default is None:
            raise NotReady(f"{self.why_not_ready}: come again", retry_after_s=2)
        if not self.keeper.has_looked and not roster.has(spec):
            raise NotReady("the model is still loading: come again", retry_after_s=2)
        return roster.find(spec)

    def image_limits(self, model: ServedModel) -> ImageLimits:
        """Which images are let in."""
        limits = model.bundle.size_limits
        return ImageLimits(
            max_pixels=model.loaded.max_pixels,
            fitting_pixels=model.max_pixels,
            min_side_px=limits.min_side,
            max_side_px=limits.max_side,
        )

    @contextmanager
    def live_frame(self) -> Iterator[None]:
        """One frame of a WebSocket, from its arrival to its answer."""
        self.num_live_frames += 1
        try:
            yield
        finally:
            self.num_live_frames -= 1

    def start(self) -> None:
        """Begin to load; returns at once."""
        self.keeper.start()

    def stop(self) -> None:
        """After the last request."""
        self.draining = True
        self.keeper.stop(timeout_s=STOP_S)
        self.decoders.shutdown(wait=False, cancel_futures=True)
        self.encoders.shutdown(wait=False, cancel_futures=True)
        self.tracing.stop()

    def served(self, model: ServedModel) -> None:
        """See server.roster.watchers.Watcher."""
        self.telemetry.loaded(model.loaded)

    def failed(self, candidate: Candidate, reason: str) -> None:
        """See server.roster.watchers.Watcher."""
        del reason  # the log has it, and /v1/models
        self.telemetry.load_failed(candidate.name)

    def ended(self, name: str, version: str) -> None:
        """See server.roster.watchers.Watcher. Gauges read the roster; counters go on."""
        del name, version

    def fatal(self) -> None:
        """See server.roster.watchers.Watcher."""
        self._on_failed()
