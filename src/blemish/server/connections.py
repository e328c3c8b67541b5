"""Connections: silent and half-sent ones end in time, and there are never too many.

A client that connects and says nothing, or half a request, costs a descriptor. Each such connection
is closed after a while; where as many are open as the process may have, the oldest of them gives
way to the newcomer, so that one client cannot keep the others out. uvicorn has no time limit for
the head of a request and no bound that makes room, so its protocol is extended here; of uvicorn
0.54 this needs ``cycle``, ``conn`` and ``connections``, which are not documented.
"""

import asyncio
import resource
import time
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_S = 10.0
"""Within which the head of a request must have come."""
DRAINED = 64 * 1024
"""Bytes that are read of a body after its request was answered."""
_RESERVED = 160
"""Descriptors for everything that is no connection: libraries, database, model files."""
_MOST = 16_384
_LOGGED_S = 10.0

_log = structlog.get_logger(__name__)


class ConnectionGuard:
    """Knows which connections have brought no complete request, the oldest first.

    Args:
        capacity: Connections that may be open at once.
        head_s: Seconds within which the head of a request must have come.
    """

    def __init__(self, capacity: int, head_s: float = HEAD_S) -> None:
        self.capacity = capacity
        self.head_s = head_s
        self.closed = 0
        """Connections closed for want of a request."""
        self._waiting: dict[GuardedProtocol, None] = {}
        self._logged = float("-inf")

    def wait(self, connection: "GuardedProtocol") -> None:
        """Note that a connection waits for a request from now on, and for the end of its body."""
        self.forget(connection)
        self._waiting[connection] = None

    def forget(self, connection: "GuardedProtocol") -> None:
        """Note that a connection is not waited for: its request has come, or it is closed."""
        self._waiting.pop(connection, None)

    def make_room(self) -> bool:
        """Close the connection that has waited longest; False if all have a complete request."""
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        self.close(oldest)
        return True

    def close(self, connection: "GuardedProtocol") -> None:
        """Close a connection that brought no request."""
        self.closed += 1
        self.forget(connection)
        connection.transport.abort()

    def on_loop_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle what the event loop could not; where descriptors are short, make room.

        Python's loop tries to accept again and again, and would have each try logged.
        """
        if not isinstance(context.get("exception"), OSError) or "socket" not in context:
            loop.default_exception_handler(context)
            return
        self.make_room()
        now = time.monotonic()
        if now - self._logged > _LOGGED_S:
            self._logged = now
            _log.error("connection_not_accepted", error=str(context["exception"]))


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol, with an end to waiting."""

    def __init__(self, guard: ConnectionGuard, **options: Any) -> None:
        super().__init__(**options)
        self._guard = guard
        self._timer: asyncio.TimerHandle | None = None
        self._drained = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the newcomer in, if need be for the one that has waited longest."""
        super().connection_made(transport)
        if len(self.connections) > self._guard.capacity and not self._guard.make_room():
            transport.abort()
            return
        self._guard.wait(self)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Read on; what is left of a body that was answered already, only so far."""
        if self._is_answered and self.conn.their_state is h11.SEND_BODY:
            self._drained += len(data)
            if self._drained > DRAINED:
                self.transport.abort()
                return
        super().data_received(data)
        if self._is_busy:
            self._note_request()
        elif self._timer is None:
            self._start_timer()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self._is_busy:  # the next request had come already
            self._guard.wait(self)
            self._note_request()
            return
        self._drained = 0
        self._guard.wait(self)
        if self.conn.their_state is h11.SEND_BODY:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        self._guard.forget(self)
        super().connection_lost(exc)

    @property
    def _is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.response_complete

    @property
    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _note_request(self) -> None:
        """Note that the head of a request has come; the time for its body is the route's."""
        self._stop_timer()
        if self.conn.their_state is not h11.SEND_BODY:
            self._guard.forget(self)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._guard.head_s, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if not self._is_busy:
            self._guard.close(self)


def connection_capacity() -> int:
    """Return how many connections fit below the limit of descriptors, raised as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _RESERVED
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    limit = wanted if soft == resource.RLIM_INFINITY else soft
    return max(16, min(_MOST, limit - _RESERVED))
