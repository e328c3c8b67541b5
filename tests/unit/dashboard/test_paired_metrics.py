"""Metrics and order of a comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.dashboard.compare.compared_images import (
    ORDERS,
    ComparedImage,
    ordered,
    size_of,
)
from blemish.dashboard.compare.paired_metrics import by_class, paired_metrics
from blemish.dashboard.image_collections import ImageEntry
from blemish.metrics import Counts

COUNTS = st.builds(Counts, *(st.integers(0, 500) for _ in range(4)))
IMAGES = st.lists(
    st.builds(
        ComparedImage,
        index=st.integers(0, 9),
        entry=st.builds(ImageEntry, st.text("abc", min_size=1), st.just("set")),
        part=st.sampled_from("pqrs"),
        defective=st.booleans(),
        called_a=st.booleans(),
        called_b=st.booleans(),
        disagreement=st.floats(0, 1),
        a=COUNTS,
        b=COUNTS,
        area=st.floats(0, 1),
    ),
    min_size=1,
    max_size=12,
)


def compared(
    name: str,
    *,
    classes: tuple[str, ...] = (),
    calls: tuple[bool, bool] = (False, False),
    counts: tuple[Counts, Counts] | None = None,
    disagreement: float = 0.0,
    area: float = 0.0,
) -> ComparedImage:
    a, b = counts or (None, None)
    entry = ImageEntry(name, classes=classes)
    truth = None if counts is None else bool(classes)
    return ComparedImage(0, entry, name, truth, *calls, disagreement, a, b, area)


@given(IMAGES)
def test_pooled_metrics_are_those_of_all_pixels(images: list[ComparedImage]) -> None:
    """Dice of both and their difference are those of the summed counts, inside their intervals."""
    dice = paired_metrics(images)[0]
    total_a, total_b = (sum((getattr(one, side) for one in images), Counts()) for side in "ab")
    assert (dice.a, dice.b) == (total_a.dice, total_b.dice)
    assert dice.difference == pytest.approx(total_b.dice - total_a.dice)
    assert (dice.interval_difference is None) == (len({one.part for one in images}) < 2)


@given(IMAGES, st.sampled_from(sorted(ORDERS)))
def test_an_order_keeps_every_image(images: list[ComparedImage], order: str) -> None:
    """Sorting loses nothing; by result, those that differ come first; by pixels, it descends."""
    result = ordered(images, order)
    assert sorted(map(id, result)) == sorted(map(id, images))
    if order == "result":
        differs = [one.differs for one in result]
        assert differs == sorted(differs, reverse=True)
    if order == "disagreement":
        values = [one.disagreement for one in result]
        assert values == sorted(values, reverse=True)


def test_a_result_that_differs_comes_before_any_number_of_pixels() -> None:
    """An image of which every pixel differs, but not the result, comes second."""
    pixels = compared("a", disagreement=1.0)
    result = compared("b", calls=(True, False))
    assert ordered([pixels, result], "result") == [result, pixels]


def test_without_truth_there_are_no_metrics() -> None:
    """Uploads have no masks: no pooled metric, none by class, and an order all the same."""
    images = [compared(str(n), disagreement=n / 10) for n in range(3)]
    assert paired_metrics(images) == ()
    assert by_class(images) == ()
    assert [one.entry.image_id for one in ordered(images, "disagreement")] == ["2", "1", "0"]


def test_classes_are_pooled_over_the_images_that_show_them() -> None:
    """A class's Dice is that of its images alone, with their number."""
    pit = compared(
        "a", classes=("pit",), counts=(Counts(8, 2, 2, 0), Counts(10, 0, 0, 0)), area=0.1
    )
    clean = compared("b", counts=(Counts(0, 50, 0, 0), Counts(0, 0, 0, 60)))
    assert by_class([pit, clean]) == (("pit", 0.8, 1.0, 1),)
    assert (size_of(clean), size_of(pit)) == ("no defect", "large")
