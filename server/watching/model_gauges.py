"""What is known of each model that is served when /metrics is asked: those that left leave no last
value behind."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from server.roster.served_model import ServedModel

LABELS = ("model", "version")


class ModelGauges(Collector):
    """One sample for each model and version."""

    def __init__(self, models: Callable[[], Iterable[ServedModel]]) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        models = list(self._models())

        def gauge(name: str, text: str, value: Callable[[ServedModel], float]) -> Metric:
            family = GaugeMetricFamily(name, text, labels=LABELS)
            for model in models:
                family.add_metric((model.name, model.version), value(model))
            return family

        yield gauge(
            "anyres_model_up",
            "1 while the model takes requests and its engine's thread lives.",
            lambda m: float(m.worker.is_ready),
        )
        yield gauge(
            "anyres_model_max_pixels", "Largest image that it takes.", lambda m: m.max_pixels
        )
        yield gauge(
            "anyres_model_bytes",
            "Memory that it takes without an image, by prediction.",
            lambda m: m.loaded.num_bytes,
        )
        yield gauge(
            "anyres_model_load_seconds",
            "Reading, checking, loading, warming up.",
            lambda m: m.loaded.load_s,
        )
        engines = InfoMetricFamily("anyres_engine", "What runs the model, and why.", labels=LABELS)
        for model in models:
            engines.add_metric((model.name, model.version), _engine(model))
        yield engines


def _engine(model: ServedModel) -> dict[str, str]:
    runtime = model.selection.runtime
    return {
        "engine": runtime.name,
        "engine_version": runtime.version,
        "precision": ",".join(f"{g}={p}" for g, p in sorted(runtime.precisions.items())),
        "threads": str(model.selection.threads),
        "reason": model.selection.reason,
    }
