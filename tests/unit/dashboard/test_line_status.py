"""The strip on every page: what is said of the line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blemish.dashboard.line_status import Level, LineReader, LineStatus, strip

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
URL = "http://127.0.0.1:1"
READY: dict[str, Any] = {
    "status": "ready",
    "model": {"version": 1},
    "fault": None,
    "registry": {"stale_s": 1.0, "error": None},
    "log": {"fault": None},
}


def status(answer: dict[str, Any] | None, **known: Any) -> LineStatus:
    return LineStatus(URL, answer, **({"ever_answered": answer is not None, "champion": 1} | known))


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (status(READY), "good", "Served: version 1"),
        (status(READY, alarms=1), "alarm", "1 alarm"),
        (status(None), "unknown", f"No server at {URL}"),
        (status(None, ever_answered=True), "bad", f"No answer from {URL}"),
        (status(READY, champion=2), "bad", "Version 1 is served, not the champion"),
        (
            status(READY | {"fault": {"version": 2, "reason": "<b>corrupt"}}),
            "bad",
            "&lt;b&gt;corrupt",
        ),
        (status(READY | {"status": "no model", "model": None}), "bad", "no model"),
        (status(READY | {"registry": {"error": "refused"}}), "bad", "no answer from the model reg"),
        (status(READY, registry_error="down"), "bad", "The model registry does not answer"),
        (status(READY | {"log": {"fault": "writing failed"}}), "bad", "writing failed"),
        (status(READY | {"keys": "The key file has vanished"}), "bad", "has vanished"),
        (
            status(READY | {"background": {"follower": {"failures": 2}, "watch": {"failures": 1}}}),
            "good",
            "background: 3, see its log",
        ),
    ],
)
def test_red_green_and_grey(found: LineStatus, level: Level, said: str) -> None:
    """Red for anything that is not as it should be; grey where no server was; text is inert."""
    assert found.level == level
    assert said in strip(found, NOW)


def test_alarms_and_the_last_request_are_told() -> None:
    """What is not known is said to be so; none is another thing."""
    unknown = strip(status(READY), NOW)
    assert "Alarms: not known" in unknown
    assert "Last request: not known" in unknown
    assert "No request yet" in strip(status(READY, alarms=0), NOW)
    known = status(READY, alarms=2, last_request=NOW - timedelta(minutes=3))
    assert "2 alarms" in strip(known, NOW)
    assert "Last request 3 min ago" in strip(known, NOW)


def test_looking_never_fails_and_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was there and is gone is told apart from one that never was."""
    monkeypatch.setattr(LineReader, "_run", lambda _: None)
    monkeypatch.setattr(LineReader, "_read_registry", lambda _: None)
    monkeypatch.setattr(LineReader, "_read_log", lambda _: None)
    reader = LineReader(URL)
    reader.look()
    assert reader.status.level == "unknown"
    reader.status = status(READY)
    reader.look()
    assert reader.status.troubles() == [f"No answer from {URL}."]
