"""What /metrics says. Every name starts with anyres_ and every time is in seconds."""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from server.loading.loaded_model import LoadedModel
from server.scheduling.worker import Worker
from server.watching.scheduling_metrics import SchedulingMetrics, WorkerGauges

# 1 ms to 2 min: a PNG header is refused within the first, a 50 Mpx pair ends near the last.
SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0, 120.0)
PIXELS = tuple(mpx * 1e6 for mpx in (0.05, 0.1, 0.3, 1, 2, 4, 8, 16, 32, 64))


class Telemetry:
    """The metrics of one server. Its own registry: two servers in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="anyres", registry=self.registry)
        registry = self.registry

        def seconds(name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
            return Histogram(name, text, labels, buckets=SECONDS, registry=registry)

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
        self.image_pixels = Histogram(
            "anyres_image_pixels", "Of one request.", buckets=PIXELS, registry=registry
        )
        self.rejected = Counter(
            "anyres_rejected",
            "Requests not answered, by error code.",
            ("reason",),
            registry=registry,
        )
        self.cancelled = Counter(
            "anyres_cancelled", "Requests whose client left before the answer.", registry=registry
        )
        self.deadline_missed = Counter(
            "anyres_deadline_missed", "Requests dropped at their deadline.", registry=registry
        )
        self.model_load = Gauge(
            "anyres_model_load_seconds",
            "Reading, checking, loading, warming up.",
            registry=registry,
        )
        self.scheduling = SchedulingMetrics(registry)
        self.engine = Info("anyres_engine", "What runs the model, and why.", registry=registry)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def watch_workers(self, workers: Callable[[], Iterable[tuple[str, Worker]]]) -> None:
        """Gauges of the workers that are there when they are asked for, with their models."""
        self.registry.register(WorkerGauges(workers))

    def loaded(self, model: LoadedModel) -> None:
        """A model is there."""
        runtime = model.selection.runtime
        self.model_load.set(model.load_s)
        self.engine.info(
            {
                "model": model.bundle.name,
                "model_version": model.bundle.version,
                "engine": runtime.name,
                "engine_version": runtime.version,
                "precision": ",".join(f"{g}={p}" for g, p in sorted(runtime.precisions.items())),
                "threads": str(model.selection.threads),
                "reason": model.selection.reason,
            }
        )

    def text(self) -> bytes:
        """The page, in the Prometheus text format."""
        return generate_latest(self.registry)
