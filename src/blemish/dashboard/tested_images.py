"""What the Dice of a version was measured on: 20 images are not 400, nor those of another split."""

from blemish.dashboard import page_cache
from blemish.metrics import Interval
from blemish.registry import Version
from blemish.sets.layout import SYNTHETIC
from blemish.store.names import TEST_DIGEST

_FEW = 10
"""Parts from which on an interval is narrow enough to be read without a warning."""


def tested_on(version: Version) -> str:
    """Return how many test images of which sets a version's Dice is of, in words."""
    headline = page_cache.headline(version)
    return "test images that are not recorded" if headline is None else headline.words


def validated_on(version: Version) -> str:
    """Return the names of the sets of the validation images that training watched.

    They are the user's where the validation split has any, else the synthetic one.
    """
    known = page_cache.validation_sets(version)
    own = [name for name in known if name != SYNTHETIC]
    return ", ".join(own or known) or "sets not recorded"


def dice_interval(version: Version) -> Interval | None:
    """Return the 95 % interval of a version's Dice; None where its own file was not evaluated."""
    headline = page_cache.headline(version) if version.is_evaluated else None
    return None if headline is None else headline.dice_interval


def say_interval(version: Version) -> str:
    """Say how sure the Dice of a version is; empty where nothing is known of it."""
    headline = page_cache.headline(version) if version.is_evaluated else None
    if headline is None:
        return ""
    interval, parts = headline.dice_interval, headline.groups
    if interval is None:
        return f"Overlap with the truth (Dice) of {headline.words}: one part, so no interval."
    return (
        f"Overlap with the truth (Dice) of {headline.words}: {interval.low:.3f} to "
        f"{interval.high:.3f} (95 %, over {parts} parts).{few_parts(parts)}"
    )


def few_parts(parts: int) -> str:
    """Return a sentence, after a space, where the images show few parts; else nothing."""
    if parts >= _FEW:
        return ""
    return f" These are few parts ({parts}): intervals are wide, and other parts may differ much."


def clean_marks(version: Version) -> str:
    """Say of which defect-free images the share with a mark is, and how large it may be."""
    headline, bound = page_cache.headline(version), version.clean_marked_bound
    of = "defect-free test images" if headline is None else headline.free_words
    return f"of {of}" + ("" if bound is None else f"; at most {bound:.1%} (95 %)")


def is_other_split(version: Version, champion: Version | None) -> bool:
    """Say whether a version was tested on other images than the champion."""
    if champion is None:
        return False
    return version.tags.get(TEST_DIGEST) != champion.tags.get(TEST_DIGEST)
