"""All versions on the same images, beside the champion."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from unit.dashboard.test_fair_images import version

from blemish.arrays import Mask, Plane
from blemish.dashboard.compare.version_trials import VersionTrials, fitted_to, standings
from blemish.dashboard.image_collections import ImageCollection, ImageEntry
from blemish.errors import ModelFileError
from blemish.image_digests import plane_digest
from blemish.registry import Version

LEVELS = (10, 60, 120, 200)  # the last two are defective


def collection() -> ImageCollection:
    def open_image(index: int) -> tuple[Plane, Mask]:
        plane = np.full((4, 4), LEVELS[index], np.uint8)
        return plane, np.full((4, 4), index > 1)

    entries = [ImageEntry(str(n), "one" if n % 2 else "two", f"part-{n}") for n in range(4)]
    return ImageCollection("some", "digest", tuple(entries), open_image)


def load(one: Version) -> Any:
    """Return a model that marks all from a level on: 100 for version 1, 150 for 2, 50 for 3."""
    if one.version == 4:
        raise ModelFileError("Its file is corrupt.")
    level = {1: 100, 2: 150, 3: 50}[one.version]
    return SimpleNamespace(predict=lambda plane, **_: SimpleNamespace(mask=plane >= level))


def test_each_version_stands_beside_the_champion_set_by_set() -> None:
    """Escapes, false alarms and Dice of each set are those of marking by hand; a fault is told."""
    numbers = [replace(version(1), version=n) for n in (1, 2, 3, 4)]
    trials = VersionTrials(collection(), numbers, cast("Any", load))
    assert trials.wait(10.0)
    assert trials.error is None
    assert trials.faults == {4: "Its file is corrupt."}
    champion, second, third = (trials.results[n] for n in (1, 2, 3))
    one, two = standings(champion, second, set(), range(4))
    assert (one.set_name, two.set_name) == ("one", "two")
    assert (two.parts.escapes.a, two.parts.escapes.b, two.parts.escapes.total) == (0, 1, 1)
    assert (one.parts.escapes.b, one.images) == (0, 2)
    assert (two.champion_dice, two.dice) == (1.0, 0.0)
    one, two = standings(champion, third, set(), range(4))
    assert (one.parts.false_alarms.a, one.parts.false_alarms.b) == (0, 1)


def test_parts_that_either_was_fitted_to_and_filtered_images_do_not_count() -> None:
    """A digest leaves its part out, and says how many images; the filter decides what is there."""
    trials = VersionTrials(collection(), [version(1), version(2)], cast("Any", load))
    assert trials.wait(10.0)
    seen = plane_digest(np.full((4, 4), LEVELS[3], np.uint8))
    fitted = fitted_to({seen: "train"}, None, {"other": "test"})
    assert fitted == {seen}
    assert fitted_to({seen: "val"}) == {seen}
    assert fitted_to({seen: "val"}, choosing=True) == set()
    (one,) = standings(trials.results[1], trials.results[2], fitted, {1, 3})
    assert (one.images, one.left_out, one.parts.escapes.total) == (1, 1, 0)
