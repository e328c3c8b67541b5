"""Span ids that stand in an answer's headers before OpenTelemetry makes its span."""

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class GivenIds(RandomIdGenerator):
    """Uses the ids it was given for the next span, and random ones for all others."""

    def __init__(self) -> None:
        self._trace: int | None = None
        self._span: int | None = None

    def give(self, trace_id: str, span_id: str) -> None:
        """Set the ids of the next span, hexadecimal."""
        self._trace, self._span = int(trace_id, 16), int(span_id, 16)

    def generate_trace_id(self) -> int:
        """Return the given id once."""
        given, self._trace = self._trace, None
        return super().generate_trace_id() if given is None else given

    def generate_span_id(self) -> int:
        """Return the given id once."""
        given, self._span = self._span, None
        return super().generate_span_id() if given is None else given
