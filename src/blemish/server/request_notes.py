"""What is known of a request while it is answered: for its log line, metrics, trace and entry."""

from dataclasses import dataclass

from starlette.requests import Request

from blemish.server.traces import RequestTrace


@dataclass
class RequestNotes:
    """Notes of one request: the middleware creates them, the route adds to them."""

    request_id: str
    trace: RequestTrace
    arrived: float
    """When its head had come, by ``time.monotonic``."""
    key: str | None = None
    """Name of the API key that it came with."""
    problem: str | None = None
    """Type of the problem that it was answered by."""
    version: int | None = None
    """Version that it was given to."""
    file_name: str | None = None
    """Name of the file in its form."""
    body_bytes: int = 0
    """What its body holds of the memory for bodies."""


def notes_of(request: Request) -> RequestNotes:
    """Return the notes of a request."""
    found: RequestNotes = request.state.notes
    return found
