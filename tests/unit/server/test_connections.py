"""Who has to go when a newcomer finds every place taken, and what a failed accept does."""

import asyncio
import errno
from typing import Any

from structlog.testing import capture_logs

from blemish.server.connections import ConnectionGuard


class Connection:
    """Stands for a connection and its transport."""

    closed = False

    @property
    def transport(self) -> "Connection":
        return self

    def abort(self) -> None:
        self.closed = True


def crowd(guard: ConnectionGuard) -> list[Any]:
    """Four connections without a complete request, and one that has one."""
    people: list[Any] = [Connection() for _ in range(5)]
    for one in people:
        guard.wait(one)
    guard.forget(people[4])
    return people


def test_the_oldest_without_a_complete_request_goes_first() -> None:
    """One that is answered never goes."""
    guard = ConnectionGuard(capacity=5)
    people = crowd(guard)
    for number in range(4):
        assert guard.make_room()
        assert [one.closed for one in people] == [place <= number for place in range(5)]
    assert not guard.make_room()
    assert guard.closed == 4


def test_a_failed_accept_makes_room_and_is_logged_once_in_a_while() -> None:
    """The event loop tries again every second; anything else that it tells goes its own way."""
    guard = ConnectionGuard(capacity=5)
    people = crowd(guard)
    full = {"exception": OSError(errno.EMFILE, "Too many open files"), "socket": object()}
    told: list[dict] = []
    loop = asyncio.new_event_loop()
    loop.default_exception_handler = told.append  # type: ignore[method-assign]
    with capture_logs() as logs:
        for _ in range(3):
            guard.on_loop_fault(loop, full)
        guard.on_loop_fault(loop, {"message": "something else"})
    loop.close()
    assert [one.closed for one in people] == [True, True, True, False, False]
    assert [line["event"] for line in logs] == ["connection_not_accepted"]
    assert told == [{"message": "something else"}]
