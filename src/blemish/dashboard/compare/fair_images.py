"""Which images say something about two versions: those that neither was fitted to.

An image is known again by the content of its plane, whatever its name. One hit leaves out the whole
part: its other images show the same piece of metal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from blemish.dashboard.compare.compared_images import ComparedImage
from blemish.image_digests import ImageDigest
from blemish.registry import Version
from blemish.store.names import POINT_CHOSEN_ON

_WORDS = {"train": "trained", "val": "validated"}


@dataclass(frozen=True)
class FittedImages:
    """The images of a version's splits.

    Attributes:
        letter: ``A`` or ``B``.
        version: The version.
        splits: Digest of an image to its split: ``train``, ``val`` or ``test``; None where nobody
            recorded them.
    """

    letter: str
    version: Version
    splits: Mapping[str, str] | None

    def use_of(self, digest: str) -> str:
        """Return the split of an image; empty for none or unknown."""
        return (self.splits or {}).get(digest, "")


def splits_by_digest(images: Iterable[ImageDigest]) -> dict[str, str]:
    """Return the split of each image; one that is in two splits counts as the more fitted."""
    order = ("test", "val", "train")
    ranked = sorted(images, key=lambda image: order.index(image.split))
    return {image.sha256: image.split for image in ranked}


@dataclass(frozen=True)
class FairSplit:
    """Images divided into those that count and those that do not.

    Attributes:
        counted: Neither version was fitted to them.
        left_out: Images of parts that a version was fitted to.
        reasons: For each part that is left out, what a version did with one of its images.
    """

    counted: Sequence[ComparedImage]
    left_out: Sequence[ComparedImage]
    reasons: Mapping[str, str]

    def filtered(self, passes: Callable[[ComparedImage], bool]) -> "FairSplit":
        """Keep the images that pass."""
        counted, left_out = (
            [one for one in images if passes(one)] for images in (self.counted, self.left_out)
        )
        return FairSplit(counted, left_out, {one.part: self.reasons[one.part] for one in left_out})


def spoiling_splits(*, choosing: bool) -> tuple[str, ...]:
    """Return the splits whose images say nothing about a version that was fitted to them.

    Args:
        choosing: An operating point is being chosen, for which validation images are there.
    """
    return ("train",) if choosing else ("train", "val")


def divide(
    compared: Sequence[ComparedImage], fitted: Sequence[FittedImages], *, choosing: bool
) -> FairSplit:
    """Leave out the parts of which either version has seen an image.

    Args:
        compared: The images.
        fitted: What each version was fitted to.
        choosing: As for :func:`spoiling_splits`.
    """
    spoiling = spoiling_splits(choosing=choosing)
    uses: dict[str, dict[str, str]] = {}
    for one in compared:
        for version in fitted:
            use = version.use_of(one.digest)
            if use in spoiling:
                uses.setdefault(one.part, {}).setdefault(version.letter, _WORDS[use])
    reasons = {part: _reason(used) for part, used in uses.items()}
    return FairSplit(
        [one for one in compared if one.part not in reasons],
        [one for one in compared if one.part in reasons],
        reasons,
    )


def _reason(used: Mapping[str, str]) -> str:
    """Return what each version did with a part, by its letter."""
    words = set(used.values())
    if len(used) > 1 and len(words) == 1:
        return f"both versions were {words.pop()} on this part"
    said = (f"{letter} was {word} on this part" for letter, word in used.items())
    return " and ".join(said)


def remarks(split: FairSplit, fitted: Sequence[FittedImages], *, choosing: bool) -> list[str]:
    """Return a sentence on each thing that was left out, is unknown, or flatters a version."""
    found = []
    if split.left_out:
        total = len(split.counted) + len(split.left_out)
        images = "image" if total == 1 else "images"
        parts = "part" if len(split.reasons) == 1 else "parts"
        found.append(
            f"{len(split.left_out)} of {total} {images}, of {len(split.reasons)} {parts}, "
            f"{'is' if len(split.left_out) == 1 else 'are'} left out of all numbers: "
            f"{_who(split.reasons.values())}."
        )
    unknown = sorted({one.version.version for one in fitted if one.splits is None})
    found += [
        f"Version {number}: training images unknown, so they cannot be told from test images. "
        "Record them from the checkout that made it: blemish sync"
        for number in unknown
    ]
    tuned = {v.version.version for v in fitted if v.version.tags.get(POINT_CHOSEN_ON) == "test"}
    found += [
        f"The operating point of version {number} was chosen on test images, so these numbers "
        "flatter it."
        for number in sorted(tuned)
    ]
    if choosing:
        found.append(
            "These are validation images: choose an operating point on them. They flatter a "
            "version whose point was chosen on them; judge versions on test images."
        )
    return found


def _who(reasons: Iterable[str]) -> str:
    return " and ".join(
        sorted({reason.replace("on this part", "on images of these parts") for reason in reasons})
    )


def chosen_on(
    fitted: FittedImages, compared: Sequence[ComparedImage], *, validation: bool
) -> Literal["validation", "test"]:
    """Say what an operating point of a version is chosen on, when these images were looked at.

    Args:
        fitted: The splits of the version.
        compared: The images that were looked at.
        validation: They are the validation images of this very version.
    """
    if fitted.splits is None:
        return "validation" if validation else "test"
    seen = {fitted.use_of(one.digest) for one in compared}
    return "test" if "test" in seen else "validation"
