"""Which images of a comparison count."""

from datetime import UTC, datetime

from blemish.dashboard.compare.compared_images import ComparedImage
from blemish.dashboard.compare.fair_images import (
    FittedImages,
    chosen_on,
    divide,
    remarks,
    splits_by_digest,
)
from blemish.dashboard.image_collections import ImageEntry
from blemish.image_digests import ImageDigest
from blemish.registry import Version


def version(number: int, **tags: str) -> Version:
    return Version(number, (), "fp32", "", "", "", "", None, "run", tags, {}, {}, datetime.now(UTC))


def image(name: str, part: str) -> ComparedImage:
    entry = ImageEntry(name)
    return ComparedImage(
        0, entry, part, None, False, False, 0.0, None, None, 0.0, digest=f"d-{name}"
    )


IMAGES = [image("1", "p"), image("2", "p"), image("3", "q"), image("4", "r")]
A = FittedImages("A", version(1), {"d-2": "train", "d-3": "val", "d-4": "test"})
B = FittedImages("B", version(2, point_chosen_on="test"), None)


def test_a_hit_leaves_out_its_whole_part_and_is_said() -> None:
    """Trained and validated images go, with the other images of their parts; each thing is told."""
    split = divide(IMAGES, [A, B], choosing=False)
    assert [one.entry.image_id for one in split.counted] == ["4"]
    assert [one.entry.image_id for one in split.left_out] == ["1", "2", "3"]
    told = remarks(split, [A, B], choosing=False)
    assert told[0].startswith("3 of 4 images, of 2 parts, are left out of all numbers")
    assert "A was trained on images of these parts" in told[0]
    assert "Version 2: training images unknown" in told[1]
    assert "version 2 was chosen on test images" in told[2]
    kept = split.filtered(lambda one: one.part != "p")
    assert remarks(kept, [A], choosing=False)[0].startswith("1 of 2 images, of 1 part,")


def test_each_version_that_knows_a_part_is_said() -> None:
    """Two versions of one training are named together, others each with what it did."""
    twin = FittedImages("B", version(2), A.splits)
    split = divide(IMAGES[:2], [A, twin], choosing=False)
    assert set(split.reasons.values()) == {"both versions were trained on this part"}
    other = FittedImages("B", version(2), {"d-1": "val"})
    split = divide(IMAGES[:2], [A, other], choosing=False)
    assert set(split.reasons.values()) == {
        "B was validated on this part and A was trained on this part"
    }
    alone = divide(IMAGES[2:3], [A], choosing=False)
    assert remarks(alone, [A], choosing=False)[0].startswith("1 of 1 image, of 1 part, is left out")


def test_validation_images_count_while_a_point_is_chosen() -> None:
    """Only training images are left out then, and the page says what the numbers are good for."""
    split = divide(IMAGES, [A], choosing=True)
    assert [one.entry.image_id for one in split.counted] == ["3", "4"]
    assert "These are validation images" in remarks(split, [A], choosing=True)[-1]


def test_a_point_is_chosen_on_test_images_where_one_of_them_was_looked_at() -> None:
    """One test image among others is enough; nobody knows better where nothing was recorded."""
    assert chosen_on(A, IMAGES[:3], validation=False) == "validation"
    assert chosen_on(A, IMAGES, validation=False) == "test"
    assert chosen_on(B, IMAGES, validation=False) == "test"
    assert chosen_on(B, IMAGES, validation=True) == "validation"


def test_an_image_in_two_splits_counts_as_the_more_fitted() -> None:
    """The same pixels in train and test are training pixels."""
    digests = [ImageDigest(split, "s", "g", "i", "d") for split in ("train", "test", "val")]
    assert splits_by_digest(digests) == {"d": "train"}
