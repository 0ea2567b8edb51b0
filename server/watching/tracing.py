"""Traces of requests for OpenTelemetry, one span for each stage, made when the request has ended.

Nothing of OpenTelemetry is imported unless a collector is configured.
"""

import time
from typing import Any, Protocol, runtime_checkable

from server.errors import ServerError
from server.watching.request_record import RequestRecord

EXPORT_TIMEOUT_S = 5.0  # of what is left at the end; the process must not hang on a collector


@runtime_checkable  # the shape checks of the tests look at it with isinstance
class Tracing(Protocol):
    """Where finished requests go."""

    def trace(self, record: RequestRecord) -> str:
        """The id of the trace that the request belongs to; empty if it is not traced."""

    def stop(self) -> None:
        """Send what is left."""


class NoTracing:
    """When no collector is configured."""

    def trace(self, record: RequestRecord) -> str:
        """See Tracing."""
        del record
        return ""

    def stop(self) -> None:
        """See Tracing."""


class OpenTelemetry:
    """Spans to a collector, by OTLP over HTTP, in batches and in a thread of their own."""

    def __init__(self, endpoint: str, *, sample: float, exporter: Any = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace import SpanKind, Status, StatusCode
            from opentelemetry.trace.propagation.tracecontext import (
                TraceContextTextMapPropagator,
            )
        except ImportError as error:
            raise ServerError(
                f"otel_endpoint is {endpoint!r}, but {error.name} is not installed: "
                f'pip install -e ".[otel]"'
            ) from error
        exporter = exporter or OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_S
        )
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "anyres"}),
            sampler=ParentBased(TraceIdRatioBased(sample)),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("anyres")
        self._propagator = TraceContextTextMapPropagator()
        self._server = SpanKind.SERVER
        self._error = Status(StatusCode.ERROR)

    def trace(self, record: RequestRecord) -> str:
        """See Tracing."""
        from opentelemetry.trace import set_span_in_context

        # Spans carry the time of day; ours are monotonic.
        epoch_ns = time.time_ns() - time.monotonic_ns()

        def at(seconds: float) -> int:
            return epoch_ns + round(seconds * 1e9)

        parent = self._propagator.extract({"traceparent": record.traceparent})
        name = record.method if record.route == "none" else f"{record.method} {record.route}"
        span = self._tracer.start_span(
            name,
            context=parent,
            kind=self._server,
            start_time=at(record.started_s),
            attributes={
                "http.request.method": record.method,
                "http.route": record.route,
                "http.response.status_code": record.status,
                "url.path": record.path,
                "anyres.request_id": record.request_id,
                **({"anyres.model": f"{record.model}@{record.version}"} if record.model else {}),
                **({"anyres.pixels": record.pixels} if record.pixels else {}),
            },
        )
        if record.status >= 500:
            span.set_status(self._error)
        inside = set_span_in_context(span)
        for stage in record.stages:
            child = self._tracer.start_span(
                stage.name, context=inside, start_time=at(stage.started_s)
            )
            child.end(at(stage.started_s + stage.seconds))
        span.end(at(record.started_s + record.seconds))
        context = span.get_span_context()
        return format(context.trace_id, "032x") if context.trace_flags.sampled else ""

    def stop(self) -> None:
        """See Tracing."""
        self._provider.shutdown()


def start_tracing(endpoint: str, *, sample: float) -> Tracing:
    """To the collector at `endpoint`, or to nowhere if it is empty.

    Raises:
        ServerError: OpenTelemetry is not installed.
    """
    return OpenTelemetry(endpoint, sample=sample) if endpoint else NoTracing()
