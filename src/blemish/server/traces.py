"""OpenTelemetry, where it is configured: a span for each request and each of its phases."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blemish.errors import ServiceError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_MILLISECOND = 1_000_000
"""In the nanoseconds that OpenTelemetry counts."""


@dataclass(frozen=True)
class Trace:
    """Where a request stands in its client's trace."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits, of our own span."""
    parent_id: str | None = None
    """Of the client's span, if it named one."""
    flags: str = "00"
    """As the client gave them; 01 asks for the trace to be kept."""

    @property
    def traceparent(self) -> str:
        """The header that tells of our span (W3C Trace Context, level 1)."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


@dataclass(frozen=True)
class Finished:
    """A request that was answered."""

    name: str
    seconds: float
    status: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds by phase, in their order."""


class Traces:
    """Sends spans to an OTLP collector, or nowhere.

    Args:
        endpoint: Its base URL; None sends nothing.

    Raises:
        ServiceError: An endpoint is given and OpenTelemetry is not installed.
    """

    def __init__(self, endpoint: str | None) -> None:
        self._ids: Any = None
        self._provider = self._connect(endpoint) if endpoint else None

    def record(self, trace: Trace, request: Finished) -> None:
        """Send the spans of a request; returns at once."""
        if self._provider is None:
            return
        from opentelemetry import trace as api  # noqa: PLC0415 - only where it is configured

        end = time.time_ns()
        begin = end - round(request.seconds * 1e9)
        parent = _context(trace.trace_id, trace.parent_id) if trace.parent_id else None
        tracer = self._provider.get_tracer("blemish")
        self._ids.give(trace.trace_id, trace.span_id)
        span = tracer.start_span(
            request.name,
            context=parent,
            kind=api.SpanKind.SERVER,
            start_time=begin,
            attributes={"http.response.status_code": request.status, **request.attributes},
        )
        if request.status >= 500:
            span.set_status(api.StatusCode.ERROR)
        here = api.set_span_in_context(span)
        moment = end - round(sum(request.phases_ms.values()) * _MILLISECOND)
        for phase, milliseconds in request.phases_ms.items():
            child = tracer.start_span(phase, context=here, start_time=moment)
            moment += round(milliseconds * _MILLISECOND)
            child.end(moment)
        span.end(end)

    def close(self) -> None:
        """Send what is still to be sent."""
        if self._provider is not None:
            self._provider.shutdown()

    def _connect(self, endpoint: str) -> "TracerProvider":
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
                OTLPSpanExporter,
            )
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ServiceError(
                f"OTEL_EXPORTER_OTLP_ENDPOINT is {endpoint!r}, but OpenTelemetry is not installed. "
                "Install it: pip install 'blemish[telemetry]', or unset the variable."
            ) from error
        from blemish.server.span_ids import GivenIds  # noqa: PLC0415 - needs the extra

        self._ids = GivenIds()
        resource = Resource.create({"service.name": "blemish"})
        provider = TracerProvider(id_generator=self._ids, resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=2)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider


def _context(trace_id: str, span_id: str) -> Any:
    """Return the context of a span of somebody else's."""
    from opentelemetry import trace as api  # noqa: PLC0415 - only where it is configured

    parent = api.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=api.TraceFlags(1)
    )
    return api.set_span_in_context(api.NonRecordingSpan(parent))
