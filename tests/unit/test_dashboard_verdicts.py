"""Figures and order of a comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.dashboard.albums import Entry
from blemish.dashboard.verdicts import ORDERS, Bout, by_class, figures, ordered, size_of
from blemish.metrics import Counts

COUNTS = st.builds(Counts, *(st.integers(0, 500) for _ in range(4)))
BOUTS = st.lists(
    st.builds(
        Bout,
        index=st.integers(0, 9),
        entry=st.builds(
            Entry,
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


@given(BOUTS)
def test_pooled_figures_are_those_of_all_pixels(bouts: list[Bout]) -> None:
    """Dice of both and their difference are those of the summed counts, inside their intervals."""
    dice = figures(bouts)[0]
    total_a, total_b = (sum((getattr(b, side) for b in bouts), Counts()) for side in "ab")
    assert (dice.a, dice.b) == (total_a.dice, total_b.dice)
    assert dice.difference == pytest.approx(total_b.dice - total_a.dice)
    groups = {bout.entry.group for bout in bouts}
    assert (dice.interval_difference is None) == (len(groups) < 2)


@given(BOUTS, st.sampled_from(sorted(ORDERS)))
def test_an_order_keeps_every_picture(bouts: list[Bout], order: str) -> None:
    """Sorting loses nothing, and by disagreement it descends."""
    result = ordered(bouts, order)
    assert sorted(map(id, result)) == sorted(map(id, bouts))
    if order == "disagreement":
        values = [bout.disagreement for bout in result]
        assert values == sorted(values, reverse=True)


def test_without_truth_there_are_no_figures() -> None:
    """Uploads have no masks: no pooled figure, no figure by class, and an order all the same."""
    bouts = [Bout(n, Entry(str(n)), n / 10, None, None, 0.01) for n in range(3)]
    assert figures(bouts) == ()
    assert by_class(bouts) == ()
    assert [bout.index for bout in ordered(bouts, "disagreement")] == [2, 1, 0]


def test_classes_are_pooled_over_the_images_that_show_them() -> None:
    """A class's Dice is that of its images alone, with their number."""
    pit = Bout(0, Entry("a", classes=("pit",)), 0, Counts(8, 2, 2, 0), Counts(10, 0, 0, 0), 0.1)
    free = Bout(1, Entry("b"), 0, Counts(0, 50, 0, 0), Counts(0, 0, 0, 60), 0)
    assert by_class([pit, free]) == (("pit", 0.8, 1.0, 1),)
    assert (size_of(free), size_of(pit)) == ("no defect", "large")
