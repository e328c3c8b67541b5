"""Tests of blemish.photographs.region_of_interest: the part, where its background is plain."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from blemish.arrays import Plane
from blemish.photographs.region_of_interest import find_part, find_parts


def part_on_background(side: int = 300, *, level: float = 190.0, slope: float = 30.0) -> Plane:
    """A textured bar, turned, before a background that grows brighter to one side."""
    rng = np.random.default_rng(3)
    across = np.linspace(-0.5, 0.5, side, dtype=np.float32)
    plane = level + slope * across[None, :] + rng.normal(0, 2, (side, side)).astype(np.float32)
    texture = 90 + 40 * np.sin(np.arange(side) / 3)[None, :] + rng.normal(0, 8, (side, side))
    shown = true_part(side)
    plane[shown] = texture[shown]
    return np.clip(plane, 0, 255).astype(np.uint8)


def true_part(side: int = 300) -> NDArray[np.bool_]:
    mask = np.zeros((side, side), np.uint8)
    box = cv2.boxPoints(((side / 2, side / 2), (0.7 * side, 0.15 * side), 30))
    cv2.fillPoly(mask, [np.intp(box)], 1)
    return mask > 0


@pytest.mark.parametrize("side", [90, 300, 1100])
def test_part_is_found_at_any_size(side: int) -> None:
    """The part is found to within a few per cent of its area, in small and large photographs."""
    found, truth = find_part(part_on_background(side)), true_part(side)
    assert found is not None
    assert found.shape == truth.shape
    assert (found & truth).sum() / (found | truth).sum() > 0.85


def test_dark_background_is_one_too() -> None:
    """A dark background without any noise of its own is as plain as a bright one."""
    plane = part_on_background(level=12.0, slope=0.0)
    found = find_part(plane)
    assert found is not None
    assert (found & true_part()).sum() / true_part().sum() > 0.9


def test_metal_to_every_border_is_no_background() -> None:
    """A sheet that fills the photograph has no background, stains and lamps or not."""
    rng = np.random.default_rng(5)
    grain = rng.normal(128, 12, (256, 256))
    lamp = np.linspace(0, 60, 256)[None, :]
    spots = np.zeros((256, 256))
    for x, y in rng.integers(20, 236, (14, 2)):
        cv2.circle(spots, (int(x), int(y)), 6, -70.0, -1)
    for plane in (grain, grain + lamp, grain + spots):
        assert find_part(np.clip(plane, 0, 255).astype(np.uint8)) is None


def test_an_empty_photograph_has_no_part() -> None:
    """Nothing before a background is no part, and one grey level is nothing."""
    assert find_part(np.full((64, 80), 77, np.uint8)) is None


def test_a_set_agrees() -> None:
    """A part found in few photographs of a set is chance: then the whole image counts in all."""
    rng = np.random.default_rng(7)
    sheet = rng.normal(128, 12, (300, 300)).clip(0, 255).astype(np.uint8)
    assert find_parts([part_on_background(), sheet, sheet]) == [None, None, None]
    parts = find_parts([part_on_background(), part_on_background(), sheet])
    assert [part is not None for part in parts] == [True, True, False]
