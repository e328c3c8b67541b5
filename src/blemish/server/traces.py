"""OpenTelemetry: a span for each request and each of its phases, from its beginning to its end.

Where no collector is named nothing is sampled, and the ids in answers and log lines are made all
the same. The ready-made ASGI instrumentation is not used: it gives an answer no ``traceparent`` of
its own, and its spans know nothing of a request's phases.
"""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace as api
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from blemish.errors import ServiceError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_MILLISECOND = 1_000_000
"""In the nanoseconds that OpenTelemetry counts."""
_W3C = TraceContextTextMapPropagator()


class RequestTrace:
    """The span of one request.

    Args:
        tracer: Makes it and those of its phases.
        method: HTTP method of the request.
        parent: Value of the client's ``traceparent`` header; empty without one.
    """

    def __init__(self, tracer: api.Tracer, method: str, parent: str) -> None:
        self._tracer = tracer
        context = _W3C.extract({"traceparent": parent})
        self._span = tracer.start_span(method, context=context, kind=api.SpanKind.SERVER)
        self._here = api.set_span_in_context(self._span)

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return api.format_trace_id(self._span.get_span_context().trace_id)

    @property
    def traceparent(self) -> str:
        """The header that tells of our span, and whether it is kept (W3C Trace Context)."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._here)
        return carrier["traceparent"]

    def add_phases(self, milliseconds: Mapping[str, float]) -> None:
        """Add the phases of the work that has just ended, in their order."""
        moment = time.time_ns() - round(sum(milliseconds.values()) * _MILLISECOND)
        for phase, spent in milliseconds.items():
            child = self._tracer.start_span(phase, context=self._here, start_time=moment)
            moment += round(spent * _MILLISECOND)
            child.end(moment)

    def end(self, name: str, status: int, attributes: Mapping[str, str | int]) -> None:
        """End the span.

        Args:
            name: Method and route.
            status: HTTP status of the answer.
            attributes: Attributes of the span, by full name.
        """
        self._span.update_name(name)
        self._span.set_attributes({"http.response.status_code": status, **attributes})
        if status >= 500:
            self._span.set_status(api.StatusCode.ERROR)
        self._span.end()


class Traces:
    """Sends spans to an OTLP collector, or nowhere.

    Args:
        endpoint: Its base URL; None sends nothing.

    Raises:
        ServiceError: An endpoint is given and its exporter is not installed.
    """

    def __init__(self, endpoint: str | None) -> None:
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - slow, for servers only
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF  # noqa: PLC0415 - as above

        self._silent = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
        self._provider = _connect(endpoint) if endpoint else self._silent

    def begin(self, method: str, parent: str, *, silent: bool = False) -> RequestTrace:
        """Begin the span of a request.

        Args:
            method: HTTP method of the request.
            parent: As for :class:`RequestTrace`.
            silent: It is not worth a span: a probe, say.
        """
        provider = self._silent if silent else self._provider
        return RequestTrace(provider.get_tracer("blemish"), method, parent)

    def close(self) -> None:
        """Send what is still to be sent."""
        self._provider.shutdown()


def _connect(endpoint: str) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - slow, for servers only
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise ServiceError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is {endpoint!r}, but its exporter is not installed. "
            "Install it: pip install 'blemish[telemetry]', or unset the variable."
        ) from error
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "blemish"}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=2)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
