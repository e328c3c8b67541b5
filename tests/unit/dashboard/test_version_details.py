"""Checks of the gate in words."""

import json

import pytest

from blemish.dashboard.models.version_details import in_words, read_checks

DICE = "Dice against the champion, set strip, 95 % lower bound"
ALARMS = "False alarms against the champion, set strip, 95 % upper bound"


@pytest.mark.parametrize(
    ("name", "value", "bound", "words"),
    [
        (DICE, -0.8, ">= -0.01", "may lose 0.01; could lose 0.8"),
        (DICE, 0.02, ">= -0.01", "may lose 0.01; does not lose"),
        (ALARMS, 0.1, "<= 0.05", "may rise by 0.05; could rise by 0.1"),
        (ALARMS, -0.1, "<= 0.05", "may rise by 0.05; does not rise"),
        ("Size, MB", 1.95, "<= 8", "at most 8; found 1.95"),
        ("Independent test groups of a set", 4.0, ">= 10", "at least 10; found 4"),
    ],
)
def test_a_check_is_said_as_a_person_would(name: str, value: float, bound: str, words: str) -> None:
    """Bound and value become what a version may lose and what it could lose."""
    assert in_words({"name": name, "value": value, "bound": bound}) == words


@pytest.mark.parametrize(
    "text",
    [
        "0,24",
        "[1]",
        '[{"name": "x"}]',
        '[{"name": "Size, MB", "value": "much", "bound": "<= 8", "passed": true}]',
        '[{"name": "Dice against the champion, set x", "value": 1, "bound": ">= a", "passed": 1}]',
        "{}",
        "[" * 9_000,
        "null",
        "",
    ],
    ids=lambda text: text[:20],
)
def test_a_tag_that_people_edited_breaks_no_page(text: str) -> None:
    """Its checks are said to be unreadable; what the gate wrote is read."""
    assert read_checks(text) is None
    assert read_checks("[]") == []
    check = {"name": "Size, MB", "value": 1.95, "bound": "<= 8", "passed": True}
    assert read_checks(json.dumps([check])) == [check]
