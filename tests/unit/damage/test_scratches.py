"""Tests of blemish.damage.scratches: lines of every length, hairlines and bands."""

import numpy as np
from skimage.measure import label
from unit.synthesis.recipe import recipe

from blemish.damage.change import Change
from blemish.damage.scratches import scratch
from blemish.damage.workpiece import Workpiece
from blemish.synthesis.manufacture import make_workpiece
from blemish.synthesis.scene import draw


def piece(size: int = 256) -> Workpiece:
    return make_workpiece(np.random.default_rng(3), size, "rolled")


def strokes(count: int, size: int = 256) -> list[Change]:
    metal = piece(size)
    return [
        change for seed in range(count) for change in scratch(np.random.default_rng(seed), metal)
    ]


def test_scratches_are_lines() -> None:
    """Most scratches are far longer than wide, by the shape of their largest region."""
    slender = []
    for index in range(30):
        for found in draw(11, recipe(), index, defect="scratch").defects:
            regions = label(found.mask)
            largest = np.argwhere(regions == np.argmax(np.bincount(regions.ravel())[1:]) + 1)
            length = np.linalg.norm(largest.max(axis=0) - largest.min(axis=0))
            slender.append(length / max(found.width_px, 1))
    assert np.median(slender) > 4


def test_many_scratches_run_across_the_whole_image() -> None:
    """About three of ten leave the image on two sides, as on strip; the others end inside."""
    crossing = []
    for change in strokes(300):
        whole = np.zeros((256, 256), np.bool_)
        whole[change.box.slices] = change.extent
        borders = [whole[0].any(), whole[-1].any(), whole[:, 0].any(), whole[:, -1].any()]
        crossing.append(sum(borders) >= 2)
    assert 0.2 < np.mean(crossing) < 0.6


def test_some_scratches_are_hairlines_and_some_are_bands() -> None:
    """Widths run from two pixels to tens; a band is as bold at its border as in its middle."""
    widths = []
    for change in strokes(200):
        if change.extent.sum() > 50:
            rows = change.extent.sum(axis=0), change.extent.sum(axis=1)
            widths.append(min(float(np.median(side[side > 0])) for side in rows))
    assert min(widths) < 3
    assert max(widths) > 15
