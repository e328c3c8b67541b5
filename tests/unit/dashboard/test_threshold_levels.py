"""Levels of pixels, and what two versions decide by them."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from blemish.dashboard.compare.compared_images import decide, measure, paired_calls
from blemish.dashboard.compare.image_filters import ImageFilter, cell_name, with_result
from blemish.dashboard.compare.paired_metrics import sweep
from blemish.dashboard.compare.point_controls import meant
from blemish.dashboard.compare.threshold_levels import ThresholdGrid
from blemish.dashboard.image_collections import ImageEntry
from blemish.metrics import Counts, count
from blemish.operating_point import OperatingPoint

POINTS = (OperatingPoint(0.5, 0.8), OperatingPoint(0.45, 0.0))
Map = npt.NDArray[np.float32]


def smooth(rng: np.random.Generator) -> Map:
    field = cv2.GaussianBlur(rng.random((40, 48), np.float32), (0, 0), 2.0)
    return cv2.normalize(field, None, 0, float(rng.uniform(0.3, 1)), cv2.NORM_MINMAX)  # type: ignore[return-value]  # cv2 names no dtype


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Map, Map, npt.NDArray[np.bool_]]]:
    """Two maps and a truth for each of twelve images; every third is defect-free."""
    rng = np.random.default_rng(3)
    found = []
    for index in range(12):
        a = smooth(rng)
        b = np.clip(a + 0.2 * smooth(rng) - 0.1, 0, 1)
        truth = (a > 0.6) if index % 3 else np.zeros(a.shape, bool)
        found.append((a, b.astype(np.float32), truth))
    return found


@pytest.mark.parametrize("peak", [0.0, 0.4, 0.93, 1.0])
def test_levels_give_the_marks_of_the_operating_point(peak: float) -> None:
    """At any threshold of the grid the pixels above its place are the operating point's marks."""
    grid = ThresholdGrid([0.4375, 0.121])
    probability = smooth(np.random.default_rng(8))
    levels = grid.levels(probability, peak)
    for threshold in (0.0, 0.005, 0.121, 0.3, 0.4375, 0.6, 0.935, 1.0):
        expected = OperatingPoint(threshold, peak).mark(probability)
        assert np.array_equal(levels > grid.index(threshold), expected)


@pytest.mark.parametrize("thresholds", [(0.5, 0.45), (0.2, 0.7), (0.9, 0.1)])
@pytest.mark.parametrize("chosen", [ImageFilter(), ImageFilter(classes={"pit"})])
def test_numbers_equal_a_count_made_outside(
    scenes: list[tuple[Map, Map, npt.NDArray[np.bool_]]],
    thresholds: tuple[float, float],
    chosen: ImageFilter,
) -> None:
    """Escapes, false alarms, cells and pixels are those of marking every image by itself."""
    grid = ThresholdGrid([point.threshold for point in POINTS])
    measured, by_hand = [], []
    for index, (a, b, truth) in enumerate(scenes):
        levels = tuple(grid.levels(m, p.peak) for m, p in zip((a, b), POINTS, strict=True))
        classes = ("pit",) if index % 2 else ("crack",)
        entry = ImageEntry(f"i{index}", "s", f"part-{index // 2}", classes)
        measured.append(measure(index, entry, (levels[0], levels[1]), truth))
        marks = [
            OperatingPoint(t, p.peak).mark(m)
            for m, p, t in zip((a, b), POINTS, thresholds, strict=True)
        ]
        if not chosen.classes or set(classes) & set(chosen.classes):
            by_hand.append((entry.group, bool(truth.any()), marks, truth))
    places = (grid.index(thresholds[0]), grid.index(thresholds[1]))
    compared = [one for m in measured if chosen.passes(one := decide(m, places))]
    parts = paired_calls(compared).by_part()
    groups = {group for group, *_ in by_hand}
    truth_of = {g: any(d for h, d, *_ in by_hand if h == g) for g in groups}
    called = [
        {g: any(m[side].any() for h, _, m, _ in by_hand if h == g) for g in groups}
        for side in (0, 1)
    ]
    for side, letter in enumerate("ab"):
        missed = sum(truth_of[g] and not called[side][g] for g in groups)
        flagged = sum(not truth_of[g] and called[side][g] for g in groups)
        assert getattr(parts.escapes, letter) == missed
        assert getattr(parts.false_alarms, letter) == flagged
        total = sum((count(m[side], t) for _, _, m, t in by_hand), Counts())
        assert sum((getattr(one, letter) for one in compared), Counts()) == total
    differing = sum(called[0][g] != called[1][g] for g in groups)
    assert len({one.part for one in with_result(compared, "differs")}) == differing
    cells = [
        {one.part for one in with_result(compared, cell_name(defective=d, a=a, b=b))}
        for d in (True, False)
        for a in (True, False)
        for b in (True, False)
    ]
    assert sum(len(cell) for cell in cells) == len(groups)
    shown = [float((m[0] != m[1]).mean()) for _, _, m, _ in by_hand]
    assert [one.disagreement for one in compared] == pytest.approx(shown)


def test_curves_are_those_of_every_threshold(
    scenes: list[tuple[Map, Map, npt.NDArray[np.bool_]]],
) -> None:
    """Dice, precision and recall of the sweep equal those of marking at that threshold.

    Where nothing is marked there is no precision: a curve does not fall to 0 there.
    """
    grid = ThresholdGrid([POINTS[0].threshold])
    measured = [
        measure(n, ImageEntry(str(n)), (grid.levels(a, 0.8), grid.levels(b, 0.8)), truth)
        for n, (a, b, truth) in enumerate(scenes)
    ]
    found = sweep(measured, grid, 1)
    for threshold in (0.1, 0.5, 0.85):
        marks = [OperatingPoint(threshold, 0.8).mark(b) for _, b, _ in scenes]
        total = sum((count(m, t) for m, (_, _, t) in zip(marks, scenes, strict=True)), Counts())
        place = int(np.argmin(abs(found.threshold - threshold)))
        assert (found.dice[place], found.precision[place], found.recall[place]) == (
            total.dice, total.precision, total.recall,
        )  # fmt: skip
    nothing = [measure(0, ImageEntry("0"), (np.zeros_like(scenes[0][2], int),) * 2, scenes[0][2])]
    assert np.isnan(sweep(nothing, grid, 0).precision).all()


def test_a_slider_that_shows_a_versions_own_threshold_means_all_its_digits() -> None:
    """0.4375 is shown as 0.438; rounded, a version was judged at the next step, 0.440."""
    assert meant(0.438, 0.4375) == 0.4375
    assert meant(0.5, 0.5) == 0.5
    assert meant(0.44, 0.4375) == 0.44
