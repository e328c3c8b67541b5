"""What the Dice of a version is of, as evaluation chose and wrote it."""

import json

import pytest

from blemish.evaluation.headline import Headline
from blemish.evaluation.judging import ImageResult
from blemish.evaluation.reports import image_row
from blemish.metrics import Counts, Interval, ObjectCounts, read_image_rows, write_image_rows
from blemish.packed import Annotation
from blemish.registry import RecordedHeadline

DEFECTIVE, CLEAN = Counts(5, 1, 2, 90), Counts(0, 3, 0, 95)


def results(**sets: list[Counts]) -> list[ImageResult]:
    """Return a result for each image of each set; two images are of one part."""
    return [
        ImageResult(
            n,
            f"{name}-{n}",
            Annotation(f"{n}", name, f"part-{n // 2}", 10, 10, (), {}),
            counts,
            ObjectCounts(),
            1.0,
            0.5,
            (),
        )
        for name, images in sets.items()
        for n, counts in enumerate(images)
    ]


def recorded(found: list[ImageResult]) -> RecordedHeadline:
    """Read what evaluation would write of the results."""
    headline = Headline.of(found)
    details = {
        "headline": {"sets": list(headline.sets), "sentence": headline.sentence},
        "overall": {"dice": {"value": 0.7, "interval_95": [0.6, 0.8]}},
    }
    rows = read_image_rows(write_image_rows(map(image_row, found)))
    return RecordedHeadline.read(json.dumps(details), rows)


@pytest.mark.parametrize(
    ("sets", "words", "free"),
    [
        ({"synthetic": [DEFECTIVE] * 6, "line": [CLEAN] * 3}, "6 images of synthetic", 3),
        ({"synthetic": [DEFECTIVE] * 6, "line": [CLEAN, DEFECTIVE]}, "2 images of line", 1),
        (
            {"synthetic": [CLEAN], "b": [DEFECTIVE], "a": [DEFECTIVE], "c": [CLEAN]},
            "2 images of a, b",
            1,
        ),
        ({"synthetic": [DEFECTIVE, CLEAN]}, "2 images of synthetic", 0),
        ({"line": [CLEAN]}, "1 images of line", 1),
    ],
)
def test_the_sets_are_those_that_evaluation_chose(
    sets: dict[str, list[Counts]], words: str, free: int
) -> None:
    """A set without a labelled test image is not named beside a Dice that is synthetic."""
    found = results(**sets)
    read = recorded(found)
    chosen = Headline.of(found).chosen(found)
    assert read.words == words
    assert read.images == len(chosen)
    assert read.free_images == free
    assert read.dice_interval == Interval(0.6, 0.8)


def test_groups_are_counted_within_their_set() -> None:
    """Parts of two sets that share a name are two parts."""
    read = recorded(results(a=[DEFECTIVE] * 4, b=[DEFECTIVE] * 2))
    assert (read.images, read.groups) == (6, 3)


@pytest.mark.parametrize(
    "details",
    [
        "",
        "[]",
        "{}",
        '{"headline": {"sets": ["a"]}, "overall": {}}',
        '{"headline": {"sets": ["a"]}, "overall": {"dice": {"interval_95": [1]}}}',
    ],
)
def test_an_evaluation_that_names_none_is_refused(details: str) -> None:
    """What an older evaluation wrote is no headline, and no page guesses one."""
    with pytest.raises(ValueError, match=r"."):
        RecordedHeadline.read(details, ())
