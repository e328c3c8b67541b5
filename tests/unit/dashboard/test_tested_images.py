"""What stands beside the Dice of a version."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from unit.dashboard.test_fair_images import version

from blemish.dashboard import page_cache, tested_images
from blemish.dashboard.compare.curve_tabs import fact_table
from blemish.dashboard.models import champion_moves
from blemish.dashboard.tested_images import (
    clean_marks,
    dice_interval,
    few_parts,
    say_interval,
    validated_on,
)
from blemish.metrics import Interval
from blemish.registry import RecordedHeadline, Version

SYNTHETIC = RecordedHeadline(("synthetic",), 400, 380, Interval(0.52, 0.61), ("line-3",), 36)
FEW = RecordedHeadline(("line-3",), 12, 4, Interval(0.4, 0.9), (), 0)
Show = Callable[[RecordedHeadline | None], None]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Show:
    """Let every version have a headline."""

    def show(headline: RecordedHeadline | None) -> None:
        monkeypatch.setattr(page_cache, "headline", lambda _: headline)

    return show


def measured(number: int, dice: float = 0.57, **metrics: float) -> Version:
    return replace(version(number, test_dice=str(dice)), metrics=metrics)


def test_a_synthetic_dice_is_not_said_to_be_of_a_clean_set(recorded: Show) -> None:
    """Beside Dice stand the sets that it is of; the clean photographs have a share of their own."""
    recorded(SYNTHETIC)
    found = measured(1, clean_marked_share=0.0, clean_marked_bound=0.0798)
    assert tested_images.tested_on(found) == "400 images of synthetic"
    assert "0.570 on 400 images of synthetic" in champion_moves.say_numbers(found).replace("\\", "")
    assert clean_marks(found) == "of 36 defect-free images of line-3; at most 8.0% (95 %)"
    facts = fact_table(replace(found, metrics={**found.metrics, "test_dice": 0.57}), measured(2))
    rows = {str(row[0]): tuple(row[1:]) for row in facts.itertuples(index=False)}
    assert rows["Overlap with the truth (Dice), test images"] == ("0.5700 (synthetic)", "-")
    share = "Defect-free test images of real sets with a mark"
    assert rows[share] == ("0.0000 (line-3)", "-")


def test_few_parts_are_said_beside_the_interval(recorded: Show) -> None:
    """The interval is of the evaluated file alone; below ten parts a sentence warns."""
    recorded(FEW)
    assert say_interval(version(1)) == (
        "Overlap with the truth (Dice) of 12 images of line-3: 0.400 to 0.900 (95 %, over 4 "
        "parts). These are few parts (4): intervals are wide, and other parts may differ much."
    )
    assert few_parts(10) == ""
    for other in (replace(version(1), precision="int8"), version(1, derived_from="1/x")):
        assert (say_interval(other), dice_interval(other)) == ("", None)
        assert replace(other, metrics={"clean_marked_share": 0.1}).clean_marked_share is None
    recorded(replace(FEW, groups=1, dice_interval=None))
    assert say_interval(version(1)).endswith("one part, so no interval.")


def test_an_unknown_headline_is_said_to_be_unknown(recorded: Show) -> None:
    """Where nobody recorded the sets none is guessed."""
    recorded(None)
    assert tested_images.tested_on(version(1)) == "test images that are not recorded"
    assert say_interval(version(1)) == ""
    assert clean_marks(version(1)) == "of defect-free test images"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("line-3", "synthetic"), "line-3"),
        (("synthetic",), "synthetic"),
        ((), "sets not recorded"),
    ],
)
def test_validation_is_of_the_sets_that_training_watched(
    monkeypatch: pytest.MonkeyPatch, sets: tuple[str, ...], said: str
) -> None:
    """They are the user's where any of theirs validates."""
    monkeypatch.setattr(page_cache, "validation_sets", lambda _: sets)
    assert validated_on(version(1)) == said
