"""Which images of a comparison are looked at: by result, class, set and size of the defects."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from blemish.dashboard.compare.compared_images import ComparedImage, size_of
from blemish.sets.layout import SYNTHETIC

RESULTS = {
    "all": "All",
    "differs": "Result differs",
    "missed_a": "Missed by A",
    "missed_b": "Missed by B",
    "flagged_a": "Falsely flagged by A",
    "flagged_b": "Falsely flagged by B",
}
"""Filters by result; a cell of the matrix is named ``defective|free-CALL_A-CALL_B`` instead."""
LEFT_OUT = "left_out"
"""The result of images that a version was fitted to; no number counts them."""


@dataclass(frozen=True)
class ImageFilter:
    """What an image must be to be counted; an empty collection lets all pass.

    Attributes:
        classes: Classes of which an image must show one.
        sets: Names of sets.
        sizes: Names out of :data:`~blemish.dashboard.compare.compared_images.SIZES`.
    """

    classes: Collection[str] = ()
    sets: Collection[str] = ()
    sizes: Collection[str] = ()

    def passes(self, one: ComparedImage) -> bool:
        """Whether an image is counted."""
        return (
            (not self.classes or bool(set(one.entry.classes) & set(self.classes)))
            and (not self.sets or one.entry.set_name in self.sets)
            and (not self.sizes or size_of(one) in self.sizes)
        )

    def __str__(self) -> str:
        """What is chosen besides the sets, which are named beside the numbers in any case."""
        return ", ".join([*self.classes, *self.sizes])


def usual_sets(present: Sequence[str], headline: Collection[str]) -> list[str]:
    """Return the sets that are looked at until a person chooses; none means all.

    Real images and synthetic ones are not pooled: their Dice is no Dice of anything.

    Args:
        present: Sets of the images.
        headline: Sets that the version's Dice is of; empty where unknown.
    """
    chosen = [name for name in present if name in headline]
    chosen = chosen or [name for name in present if name != SYNTHETIC]
    return chosen if len(chosen) < len(present) else []


def cell_name(*, defective: bool, a: bool, b: bool) -> str:
    """Return the name of a cell of the matrix, as it stands in the address."""
    return f"{'defective' if defective else 'free'}-{_call(a)}-{_call(b)}"


def with_result(compared: Sequence[ComparedImage], result: str) -> list[ComparedImage]:
    """Return the images of the parts that have a result: one of :data:`RESULTS`, or a cell.

    The result is that of the part, so that all images of a part are shown together.
    """
    if result == "all":
        return list(compared)
    parts: dict[str, list[ComparedImage]] = {}
    for one in compared:
        parts.setdefault(one.part, []).append(one)
    wanted = {part for part, images in parts.items() if _has(images, result)}
    return [one for one in compared if one.part in wanted]


def _has(images: Sequence[ComparedImage], result: str) -> bool:
    """Whether the images of one part have a result together."""
    a, b = (any(one.called_a for one in images), any(one.called_b for one in images))
    if result == "differs":
        return a != b
    judged = [one.defective for one in images if one.defective is not None]
    if not judged:
        return False
    defective = any(judged)
    return {
        "missed_a": defective and not a,
        "missed_b": defective and not b,
        "flagged_a": not defective and a,
        "flagged_b": not defective and b,
    }.get(result, result == cell_name(defective=defective, a=a, b=b))


def _call(called: bool) -> str:  # noqa: FBT001 - the only argument
    return "called" if called else "passed"
