"""What every request passes: its id, its trace, its key, its log line, its metrics."""

import re
import secrets
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blemish.config.addresses import is_loopback
from blemish.problem_kinds import ProblemKind
from blemish.server.api_keys import ApiKey
from blemish.server.problems import ProblemError, internal_fault, problem_response
from blemish.server.request_notes import RequestNotes
from blemish.server.request_origins import check_origin
from blemish.server.service import Service

_WITHOUT_KEY = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})
_LOGGED_AT_DEBUG = _WITHOUT_KEY | {"/metrics"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LOGGED = 256  # characters of a text that a client chose
_LOGGED_NOTES = ("key", "problem", "version", "file_name")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

_log = structlog.get_logger("blemish.server")


class Admission:
    """The outermost middleware of ours: it sees what the application did not expect.

    Args:
        app: What answers.
        service: What it answers from.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._budgets = Budgets(service.options.serve.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        arrived = time.monotonic()
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        silent = _path(scope) in _LOGGED_AT_DEBUG
        trace = self._service.traces.begin(scope["method"], parent, silent=silent)
        notes = RequestNotes(_request_id(headers), trace, arrived)
        scope.setdefault("state", {})["notes"] = notes
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=notes.request_id, trace_id=trace.trace_id)
        status, answered = 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                message["headers"] = [*message.get("headers", ()), *self._headers(notes)]
            await send(message)

        try:
            try:
                self._admit(scope, headers, notes)
            except ProblemError as problem:
                notes.problem = problem.kind.code
                refusal = problem_response(problem, notes.request_id)
                await refusal(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        except Exception:  # noqa: BLE001 - the edge: whatever comes is logged, and answered 500
            notes.problem = ProblemKind.INTERNAL.code
            _log.exception("request_failed")
            if not answered:
                fault = problem_response(internal_fault(), notes.request_id)
                await fault(scope, receive, send_with_headers)
        finally:
            self._service.bodies.release(notes.body_bytes)
            self._finish(scope, notes, status)

    def _headers(self, notes: RequestNotes) -> list[tuple[bytes, bytes]]:
        extra = [
            (b"x-request-id", notes.request_id.encode()),
            (b"traceparent", notes.trace.traceparent.encode()),
        ]
        if self._service.drain.started:
            extra.append((b"connection", b"close"))
        return extra

    def _admit(self, scope: Scope, headers: dict[bytes, bytes], notes: RequestNotes) -> None:
        """Let a request in, or refuse it for want of a key or of budget."""
        if b"content-length" in headers and b"transfer-encoding" in headers:
            raise ProblemError(  # two readers of it could disagree about where it ends (RFC 9112)
                ProblemKind.MALFORMED,
                "The request has both Content-Length and Transfer-Encoding; accepted: one of them.",
                {"Connection": "close"},
            )
        path = _path(scope)
        if path in _WITHOUT_KEY:
            return
        options = self._service.options
        check_origin(scope, headers, options.allowed_hosts)
        keys = self._service.keys
        needed = keys.required
        if path == "/metrics" and not options.is_behind_proxy:
            needed = not is_loopback((scope.get("client") or ("localhost",))[0])
        if not needed:
            return
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        key = keys.find(token.strip().decode("latin-1")) if scheme.lower() == b"bearer" else None
        if key is None:
            raise ProblemError(
                ProblemKind.KEY,
                "This server answers to API keys; send one: Authorization: Bearer KEY. "
                "Make one: blemish keys add NAME",
                {"WWW-Authenticate": "Bearer", "Connection": "close"},
            )
        notes.key = key.name
        self._budgets.spend(key)

    def _finish(self, scope: Scope, notes: RequestNotes, status: int) -> None:
        """Count a request, and write its line."""
        route = getattr(scope.get("route"), "path", "unmatched")
        metrics = self._service.metrics
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.requests.labels(method, route, str(status)).inc()
        if notes.problem:
            metrics.problems.labels(notes.problem).inc()
        write = _log.debug if _path(scope) in _LOGGED_AT_DEBUG else _log.info
        known = {name: getattr(notes, name) for name in _LOGGED_NOTES}
        optional = {name: _cut(value) for name, value in known.items() if value}
        seconds = time.monotonic() - notes.arrived
        write(
            "request",
            method=scope["method"][:16],
            path=scope["path"][:_LOGGED],
            status=status,
            ms=round(seconds * 1e3, 2),
            **optional,
        )
        metrics.whole.labels(route).observe(seconds)
        attributes = {f"blemish.{name}": value for name, value in optional.items()}
        attributes |= {"http.request.method": method, "http.route": route}
        notes.trace.end(f"{method} {route}", status, attributes)


class Budgets:
    """How many requests each key has left, refilled by the minute, in one process.

    Args:
        default: Requests a minute of a key that names no limit of its own; 0 is no limit.
    """

    def __init__(self, default: int) -> None:
        self._default = default
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, key: ApiKey) -> None:
        """Take one request from a key's budget.

        Raises:
            ProblemError: Nothing is left of it.
        """
        limit = self._default if key.requests_per_minute is None else key.requests_per_minute
        if not limit:
            return
        now = time.monotonic()
        left, since = self._left.get(key.id, (float(limit), now))
        left = min(float(limit), left + (now - since) * limit / 60.0)
        if left < 1.0:
            self._left[key.id] = (left, now)
            wait = int((1.0 - left) * 60.0 / limit) + 1
            raise ProblemError(
                ProblemKind.RATE,
                f"The key {key.name!r} may make {limit} requests a minute.",
                {"Retry-After": str(wait)},
            )
        self._left[key.id] = (left - 1.0, now)


def _path(scope: Scope) -> str:
    """Return the path without the prefix under which a proxy shows the server."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _cut(value: Any) -> Any:
    return value[:_LOGGED] if isinstance(value, str) else value


def _request_id(headers: dict[bytes, bytes]) -> str:
    """Take the client's name for its request where it is harmless, else make one."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
