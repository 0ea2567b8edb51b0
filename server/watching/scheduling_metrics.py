"""What the workers did and what they have learned, for /metrics, by model."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.scheduling.watch import BatchDone, Call, Watch
from server.scheduling.worker import Worker

BATCH = tuple(map(float, (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)))
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
RATIOS = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0)


class SchedulingMetrics:
    """Families of metrics that all workers of a server share."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by_model, by_graph = ("model",), ("model", "graph")

        def counter(name: str, text: str, labels: tuple[str, ...]) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(
            name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
        ) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        self.requests = histogram(
            "anyres_batch_requests", "Requests that shared a batch.", by_model, BATCH
        )
        self.images = histogram(
            "anyres_batch_images", "Images encoded for one batch.", by_model, BATCH
        )
        self.waste = histogram(
            "anyres_padding_waste_ratio",
            "Share of a batch's pixels that belong to no image.",
            by_model,
            SHARES,
        )
        self.padded = counter("anyres_padded_pixels", "Of all batches, padding included.", by_model)
        self.padding = counter("anyres_padding_pixels", "Of all batches, in no image.", by_model)
        self.cold = counter(
            "anyres_cold_shapes", "Calls of a shape that the engine had not seen.", by_graph
        )
        self.expected = counter(
            "anyres_expected_seconds", "That calls should have taken, by the cost model.", by_graph
        )
        self.measured = counter("anyres_measured_seconds", "That calls took.", by_graph)
        self.error = histogram(
            "anyres_cost_ratio",
            "Measured seconds of a warm call by expected ones.",
            by_graph,
            RATIOS,
        )
        self.dropped = counter(
            "anyres_queue_dropped",
            "Left the queue without having run: cancelled or expired.",
            ("model", "reason"),
        )
        self.restarts = counter(
            "anyres_engine_restarts", "Threads of the engine that died and were replaced.", by_model
        )

    def watch(self) -> "WorkerWatch":
        """For one worker."""
        return WorkerWatch(self)


class WorkerWatch(Watch):
    """Counts what one worker does under the name of its model."""

    def __init__(self, metrics: SchedulingMetrics) -> None:
        self._metrics = metrics
        self._model = ""

    def serves(self, model: str) -> None:
        """See Watch. From zero on: a rate needs the first event."""
        self._model = model
        for graph in ("frame", "flow"):
            self._metrics.cold.labels(model, graph)
        for reason in ("cancelled", "expired"):
            self._metrics.dropped.labels(model, reason)
        self._metrics.restarts.labels(model)

    def called(self, call: Call) -> None:
        """See Watch."""
        if not self._model:  # nobody's: the model is still being loaded
            return
        labels = (self._model, call.graph)
        if call.is_cold:
            self._metrics.cold.labels(*labels).inc()
        elif call.expected_s > 0:
            self._metrics.error.labels(*labels).observe(call.measured_s / call.expected_s)
        self._metrics.expected.labels(*labels).inc(call.expected_s)
        self._metrics.measured.labels(*labels).inc(call.measured_s)

    def batch_done(self, batch: BatchDone) -> None:
        """See Watch."""
        self._metrics.requests.labels(self._model).observe(batch.num_jobs)
        self._metrics.images.labels(self._model).observe(batch.num_frames)
        self._metrics.waste.labels(self._model).observe(batch.padding_waste)
        self._metrics.padded.labels(self._model).inc(batch.padded_pixels)
        self._metrics.padding.labels(self._model).inc(batch.padded_pixels - batch.image_pixels)

    def dropped(self, reason: str) -> None:
        """See Watch."""
        self._metrics.dropped.labels(self._model, reason).inc()

    def restarted(self) -> None:
        """See Watch."""
        self._metrics.restarts.labels(self._model).inc()


class WorkerGauges(Collector):
    """What the workers that are there now have learned, and how long their queues are."""

    def __init__(self, workers: Callable[[], Iterable[tuple[str, str, Worker]]]) -> None:
        """
        Args:
            workers: name and version of models, and who runs them.
        """
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        workers = list(self._workers())

        def gauge(name: str, text: str, value: Callable[[Worker], int | float]) -> Metric:
            family = GaugeMetricFamily(name, text, labels=("model", "version"))
            for model, version, worker in workers:
                family.add_metric((model, version), float(value(worker)))
            return family

        yield gauge("anyres_queue_requests", "Wait for the engine.", lambda w: w.num_waiting)
        yield gauge("anyres_queue_pixels", "Of images that wait.", lambda w: w.num_waiting_pixels)
        yield gauge(
            "anyres_queue_expected_seconds",
            "Until one that comes now would have its turn.",
            lambda w: w.expected_wait_s,
        )
        yield gauge(
            "anyres_engine_parallel_batches",
            "That may run at once: learned.",
            lambda w: w.engine.parallelism.level,
        )
        yield gauge(
            "anyres_engine_cold_factor_ratio",
            "How many times longer the first call of a shape takes: learned.",
            lambda w: w.engine.shapes.cold_factor,
        )
        yield gauge(
            "anyres_engine_pixel_bytes",
            "Memory that a padded pixel takes in the engine: learned.",
            lambda w: w.engine.bytes_per_px,
        )
        cost = GaugeMetricFamily(
            "anyres_cost_seconds",
            "Of a million pixels, of an image and of a call: learned.",
            labels=("model", "version", "graph", "term"),
        )
        for model, version, worker in workers:
            for graph, fit in worker.engine.cost.graphs.items():
                terms = {
                    "mpx": fit.cost.s_per_mpx,
                    "image": fit.cost.s_per_image,
                    "call": fit.cost.s_per_call,
                }
                for term, seconds in terms.items():
                    cost.add_metric((model, version, graph, term), seconds)
        yield cost
