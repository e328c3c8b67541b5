"""Results by image: what is written is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.metrics import Counts, ImageRow, ObjectCounts, read_image_rows, write_image_rows

NAMES = st.text(min_size=1, max_size=12)
NUMBERS = st.integers(0, 10**9)
ROWS = st.builds(
    ImageRow,
    image_id=NAMES,
    set_name=NAMES,
    group=NAMES,
    classes=st.sets(NAMES, max_size=3).map(lambda names: tuple(sorted(names))),
    counts=st.builds(Counts, *[NUMBERS] * 4),
    clean=st.booleans(),
    boundary_f=st.none() | st.sampled_from([0.0, 0.25, 1.0]),
    score=st.none() | st.sampled_from([0.0, 0.125, 1.0]),
    objects=st.none() | st.builds(ObjectCounts, *[NUMBERS] * 4),
    class_pixels=st.dictionaries(NAMES, st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=2),
)


@given(st.lists(ROWS, max_size=4))
def test_what_is_written_is_read(rows: list[ImageRow]) -> None:
    """Any names come back whole: with blanks, commas, semicolons, quotes or line ends."""
    assert read_image_rows(write_image_rows(rows)) == tuple(rows)


def test_a_class_of_two_words_stays_one() -> None:
    """``edge chip`` is one class, as JSON and in the first version of the file."""
    row = ImageRow("a", "s", "g", ("edge chip", "pit"), Counts(1, 2, 3, 4))
    assert read_image_rows(write_image_rows([row])) == (row,)
    old = "image_id,set,group,classes,tp,fp,fn,tn\na,s,g,edge chip;pit,1,2,3,4\n"
    assert read_image_rows(old) == (row,)


@pytest.mark.parametrize(
    "line", ["a,s,g,[1,2,3,4", "a,s,g,,1,2,3,x", "a,s,g", "a,s,g,[[[[,1,2,3,4"], ids=str
)
def test_a_corrupt_line_is_named(line: str) -> None:
    """The error names the line."""
    text = "image_id,set,group,classes,tp,fp,fn,tn\nb,s,g,,1,2,3,4\n" + line + "\n"
    with pytest.raises(ValueError, match=r"line 3 of per_image\.csv"):
        read_image_rows(text)
