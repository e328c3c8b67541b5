"""Escapes and false alarms over parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.errors import ShapeError
from blemish.metrics import PairedCalls

ROWS = st.lists(
    st.tuples(st.sampled_from("pqrstu"), st.booleans(), st.booleans(), st.booleans()), max_size=40
)


@given(ROWS)
def test_parts_are_counted_as_by_hand(rows: list[tuple[str, bool, bool, bool]]) -> None:
    """A part is defective, and called so, if any of its images is; each part is in one cell."""
    parts = PairedCalls.of(rows).by_part()
    by_hand: dict[str, list[bool]] = {}
    for name, *flags in rows:
        found = by_hand.setdefault(name, [False, False, False])
        by_hand[name] = [old or new for old, new in zip(found, flags, strict=True)]
    missed = [sum(one[0] and not one[k] for one in by_hand.values()) for k in (1, 2)]
    flagged = [sum(not one[0] and one[k] for one in by_hand.values()) for k in (1, 2)]
    assert (parts.escapes.a, parts.escapes.b) == tuple(missed)
    assert (parts.false_alarms.a, parts.false_alarms.b) == tuple(flagged)
    assert parts.escapes.total + parts.false_alarms.total == len(by_hand)
    cells = [
        parts.count(defective=d, a=a, b=b)
        for d in (True, False)
        for a in (True, False)
        for b in (True, False)
    ]
    assert sum(cells) == len(by_hand)


def test_intervals_are_those_of_the_literature() -> None:
    """Newcombe's table III, method 10: 36 both, 12 only one, 2 only the other, of 50."""
    rows = [("x", True, False, False)] * 36 + [("x", True, False, True)] * 12
    rows += [("x", True, True, False)] * 2
    escapes = PairedCalls.of(rows).escapes
    assert (escapes.a, escapes.b, escapes.total) == (48, 38, 50)
    assert escapes.difference == pytest.approx(-0.20)
    assert escapes.interval_difference is not None
    low, high = escapes.interval_difference
    assert (low, high) == pytest.approx((-0.3404, -0.0569), abs=5e-4)


def test_no_part_of_a_kind_has_no_interval() -> None:
    """Where no part is defective, nothing is claimed of escapes."""
    shares = PairedCalls.of([("x", False, True, False)]).escapes
    assert (shares.total, shares.interval_a, shares.interval_difference) == (0, None, None)
    assert PairedCalls.of([]).by_part().false_alarms.total == 0


def test_flags_of_another_length_are_refused() -> None:
    """As many truths as names, or an error that says both shapes."""
    short = np.zeros(1, bool)
    with pytest.raises(ShapeError, match=r"\(1,\).*\(2,\)"):
        PairedCalls(("x", "y"), short, short, short)
