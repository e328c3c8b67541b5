"""What the Dice of a version was measured on: 20 images are not 400, nor those of another split."""

from blemish.dashboard import page_cache
from blemish.registry import Version
from blemish.sets.layout import SYNTHETIC
from blemish.store.names import TEST_DIGEST


def tested_on(version: Version) -> str:
    """Return how many test images of which sets a version's Dice is of, in words.

    The headline is of the user's sets where the test split has any, else of the synthetic one.
    """
    counts = page_cache.test_image_counts(version)
    if counts is None:
        return "an unknown number of test images"
    chosen = {name: n for name, n in counts.items() if name != SYNTHETIC} or counts
    total = sum(chosen.values())
    return f"{total} images of {', '.join(sorted(chosen))}" if total else "no test image"


def is_other_split(version: Version, champion: Version | None) -> bool:
    """Say whether a version was tested on other images than the champion."""
    if champion is None:
        return False
    return version.tags.get(TEST_DIGEST) != champion.tags.get(TEST_DIGEST)
