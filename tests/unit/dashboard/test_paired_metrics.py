"""Figures and order of a comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.dashboard.compare.paired_metrics import (
    ORDERS,
    ComparedImage,
    by_class,
    ordered,
    paired_metrics,
    size_of,
)
from blemish.dashboard.image_collections import ImageEntry
from blemish.metrics import Counts

COUNTS = st.builds(Counts, *(st.integers(0, 500) for _ in range(4)))
IMAGES = st.lists(
    st.builds(
        ComparedImage,
        index=st.integers(0, 9),
        entry=st.builds(
            ImageEntry,
            st.text("abc", min_size=1),
            st.just("set"),
            st.sampled_from("pqrs"),
            st.sampled_from([(), ("pit",), ("pit", "crack")]),
        ),
        disagreement=st.floats(0, 1),
        a=COUNTS,
        b=COUNTS,
        area=st.floats(0, 1),
    ),
    min_size=1,
    max_size=12,
)


@given(IMAGES)
def test_pooled_figures_are_those_of_all_pixels(compared: list[ComparedImage]) -> None:
    """Dice of both and their difference are those of the summed counts, inside their intervals."""
    dice = paired_metrics(compared)[0]
    total_a, total_b = (sum((getattr(b, side) for b in compared), Counts()) for side in "ab")
    assert (dice.a, dice.b) == (total_a.dice, total_b.dice)
    assert dice.difference == pytest.approx(total_b.dice - total_a.dice)
    groups = {one.entry.group for one in compared}
    assert (dice.interval_difference is None) == (len(groups) < 2)


@given(IMAGES, st.sampled_from(sorted(ORDERS)))
def test_an_order_keeps_every_image(compared: list[ComparedImage], order: str) -> None:
    """Sorting loses nothing, and by disagreement it descends."""
    result = ordered(compared, order)
    assert sorted(map(id, result)) == sorted(map(id, compared))
    if order == "disagreement":
        values = [one.disagreement for one in result]
        assert values == sorted(values, reverse=True)


def test_without_truth_there_are_no_figures() -> None:
    """Uploads have no masks: no pooled figure, no figure by class, and an order all the same."""
    compared = [ComparedImage(n, ImageEntry(str(n)), n / 10, None, None, 0.01) for n in range(3)]
    assert paired_metrics(compared) == ()
    assert by_class(compared) == ()
    assert [one.index for one in ordered(compared, "disagreement")] == [2, 1, 0]


def test_classes_are_pooled_over_the_images_that_show_them() -> None:
    """A class's Dice is that of its images alone, with their number."""
    pit = ComparedImage(
        0, ImageEntry("a", classes=("pit",)), 0, Counts(8, 2, 2, 0), Counts(10, 0, 0, 0), 0.1
    )
    free = ComparedImage(1, ImageEntry("b"), 0, Counts(0, 50, 0, 0), Counts(0, 0, 0, 60), 0)
    assert by_class([pit, free]) == (("pit", 0.8, 1.0, 1),)
    assert (size_of(free), size_of(pit)) == ("no defect", "large")
