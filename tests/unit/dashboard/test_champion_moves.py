"""What the page Models says after a move of the champion."""

import sys
import time

import pytest
from streamlit.testing.v1 import AppTest

from blemish.dashboard.line_status import LineStatus
from blemish.dashboard.models import champion_moves

MOVED = "Version 3 is champion now."
STILL = (
    "After ten seconds the server still serves version 1: Version 1 is served, not the champion."
)


def look() -> None:
    """Show what the page shows; AppTest runs the source of this function."""
    from blemish.dashboard.models.champion_moves import show_news

    show_news()


def serving(version: int) -> LineStatus:
    return LineStatus("http://line", {"status": "ready", "model": {"version": version}}, True, 3)


@pytest.mark.parametrize(
    ("status", "ago_s", "said"),
    [
        (serving(3), 0, f"{MOVED} The server serves version 3."),
        (
            serving(1),
            -600,
            f"{MOVED} Waiting for the server to serve it.",
        ),  # on a slow machine, too
        (serving(1), 11, f"{MOVED} {STILL}"),
        (LineStatus("http://line"), 0, f"{MOVED} No server answers, so none serves it."),
    ],
)
def test_after_a_move_the_page_says_which_version_is_served(
    monkeypatch: pytest.MonkeyPatch, status: LineStatus, ago_s: float, said: str
) -> None:
    """It waits for the server ten seconds at most; whatever comes of it is a sentence."""
    # AppTest leaves its page there, which every process that is spawned later would run.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(champion_moves, "line_status", lambda: status)
    page = AppTest.from_function(look, default_timeout=60)
    began = time.monotonic() - ago_s
    page.session_state["_moved"] = champion_moves.ChampionMove(MOVED, 3, began)
    page.run()
    assert not page.exception
    shown = [one.value for kind in (page.success, page.info, page.warning) for one in kind]
    assert [text.replace("\\", "") for text in shown] == [said]
