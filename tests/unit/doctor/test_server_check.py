"""The doctor asks the server that runs: what it knows of itself is told, with what to do."""

import json

import pytest
from integration.fake_servers import answering

from blemish.doctor import CHECKS, examine
from blemish.doctor.findings import Examined

SOUND = {
    "status": "ready",
    "fault": None,
    "registry": {"stale_s": 0.1, "error": None},
    "log": {"written": 1, "lost": 0, "faults": 0, "fault": None},
    "background": {"recorder": {"failures": 0}, "follower": {"failures": 0}},
    "keys": None,
}
WRONG = {
    "fault": {"version": 2, "reason": "Version 2 failed 3 requests within 10 minutes."},
    "log": {"fault": "housekeeping failed: no space"},
    "registry": {"error": "no answer within 2 s"},
    "keys": "The key file has vanished.",
    "background": {"recorder": {"failures": 3}},
}


def look(monkeypatch: pytest.MonkeyPatch, url: str) -> list[str]:
    monkeypatch.setenv("BLEMISH_API_URL", url)
    (result,) = examine(only=["server"])
    return [finding.problem for finding in result.findings]


@pytest.mark.parametrize("name", WRONG)
def test_what_a_server_says_of_itself_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A champion that is not served, the log, the registry, the keys, threads: a sentence each."""
    body = json.dumps(SOUND | {name: WRONG[name]}).encode()
    with answering(200, "application/json", body) as url:
        (problem,) = look(monkeypatch, url)
    said = str(3 if name == "background" else WRONG[name])
    assert any(word in problem for word in (said, "failed 3", "no space", "no answer", "vanished"))


@pytest.mark.parametrize(
    "body", [json.dumps(SOUND).encode(), b"[]", b"<h1>down</h1>", b'{"status": "other"}']
)
def test_a_sound_server_and_what_is_none_have_no_problem(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """Something else at that address is not ours to judge; nor is nothing at all."""
    with answering(503, "application/json", body) as url:
        assert look(monkeypatch, url) == []
    assert look(monkeypatch, url) == []
    assert look(monkeypatch, "http://[no address") == []


def test_a_check_that_ends_unexpectedly_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a finding of its own, never a traceback."""

    def fail(_: Examined) -> list:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("blemish.doctor.CHECKS", {"first": fail, **CHECKS})
    first, second = examine(only=["first", "server"])
    assert "unexpected ZeroDivisionError: by zero" in first.findings[0].problem
    assert second.check == "server"
