"""What /metrics says. Every name starts with anyres_ and every time is in seconds."""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from server.errors import ClientGone, DeadlinePassed, ServerError
from server.loading.loaded_model import LoadedModel
from server.roster.served_model import ServedModel
from server.scheduling.crew import Crew
from server.scheduling.worker import Worker
from server.watching.crew_deaths import CrewDeaths
from server.watching.model_gauges import ModelGauges
from server.watching.request_record import RequestRecord
from server.watching.scheduling_metrics import SchedulingMetrics, WorkerGauges
from server.watching.statistics import Statistics

# 1 ms to 2 min: a PNG header is refused within the first, a 50 Mpx pair ends near the last.
SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0, 120.0)
PIXELS = tuple(mpx * 1e6 for mpx in (0.05, 0.1, 0.3, 1, 2, 4, 8, 16, 32, 64))

# A second series for each, of when it was made: twice the page, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Telemetry:
    """The metrics of one server. Its own registry: two servers in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="anyres", registry=self.registry)
        registry = self.registry
        by_model = ("model",)

        def seconds(name: str, text: str, labels: tuple[str, ...] = by_model) -> Histogram:
            return Histogram(name, text, labels, buckets=SECONDS, registry=registry)

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.request = seconds(
            "anyres_request_seconds", "First byte in to last byte out.", ("route", "status")
        )
        self.receive = seconds(
            "anyres_receive_seconds", "Body of a prediction, first to last byte."
        )
        self.decode = seconds("anyres_decode_seconds", "Images of one request to pixels.")
        self.queue = seconds("anyres_queue_seconds", "Waiting for the engine.")
        self.infer = seconds("anyres_infer_seconds", "In the engine.")
        self.encode = seconds("anyres_encode_seconds", "Maps to the body of the answer.")
        self._stages = {
            "receive": self.receive,
            "decode": self.decode,
            "queue": self.queue,
            "infer": self.infer,
            "encode": self.encode,
        }
        self.image_pixels = Histogram(
            "anyres_image_pixels", "Of one request.", by_model, buckets=PIXELS, registry=registry
        )
        self.rejected = counter(
            "anyres_rejected", "Requests not answered, by error code.", ("reason",)
        )
        self.cancelled = counter(
            "anyres_cancelled", "Requests whose client left before the answer."
        )
        self.deadline_missed = counter(
            "anyres_deadline_missed", "Requests dropped at their deadline."
        )
        self.stream_frames = counter(
            "anyres_stream_frames",
            "Frames of streams that were answered, and whether flow came with them.",
            ("flow",),
        )
        self.stream_frames_dropped = counter(
            "anyres_stream_frames_dropped",
            "Frames of WebSockets that a later one overtook, as the client wished.",
        )
        self.streams_ended = counter("anyres_streams_ended", "By reason.", ("reason",))
        self.connections_dropped = counter(
            "anyres_connections_dropped",
            "Too slow, or oldest when there were too many.",
            ("reason",),
        )
        self.caller_requests = counter(
            "anyres_caller_requests",
            "Requests and frames let in, by the name of the key.",
            ("caller",),
        )
        self.caller_pixels = counter(
            "anyres_caller_pixels", "Of images let in, by the name of the key.", ("caller",)
        )
        self.odd_maps = Counter(
            "anyres_odd_maps",
            "Maps with pixels without a value (unknown), or with one value all over (constant).",
            ("task", "reason"),
            registry=registry,
        )
        self.scheduling = SchedulingMetrics(registry)
        self.model_loads = counter(
            "anyres_model_loads", "Models that were loaded, or could not be.", ("model", "outcome")
        )
        self.statistics = Statistics()
        """The same traffic once more, by model, for clients of /v2."""

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def refused(self, error: ServerError) -> None:
        """A request or a frame gets an error for an answer."""
        self.rejected.labels(error.code).inc()
        if isinstance(error, ClientGone):
            self.cancelled.inc()
        if isinstance(error, DeadlinePassed):
            self.deadline_missed.inc()

    def watch_workers(self, workers: Callable[[], Iterable[tuple[str, str, Worker]]]) -> None:
        """Gauges of the workers that are there when they are asked for, with their models."""
        self.registry.register(WorkerGauges(workers))

    def watch_models(self, models: Callable[[], Iterable[ServedModel]]) -> None:
        """Gauges of every model that is served when they are asked for."""
        self.registry.register(ModelGauges(models))

    def watch_crews(self, *crews: Crew) -> None:
        """Counts of the threads that decode and encode."""
        self.registry.register(CrewDeaths(crews))

    def finish(self, record: RequestRecord) -> None:
        """A request has ended, one way or the other."""
        self.request.labels(record.route, str(record.status)).observe(record.seconds)
        for stage in record.stages:
            self._stages[stage.name].labels(record.model).observe(stage.seconds)
        if record.pixels:
            self.image_pixels.labels(record.model).observe(record.pixels)
        if record.model:
            self.statistics.add(record)

    def loaded(self, model: LoadedModel) -> None:
        """A model is there."""
        self.model_loads.labels(model.bundle.name, "loaded").inc()

    def load_failed(self, name: str) -> None:
        """A model could not be loaded; an empty name is that of --bundle, which nobody read."""
        self.model_loads.labels(name or "bundle", "failed").inc()

    def text(self) -> bytes:
        """The page, in the Prometheus text format."""
        return generate_latest(self.registry)
