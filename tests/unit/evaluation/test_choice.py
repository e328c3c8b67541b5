"""The choice of threshold and peak on validation images."""

import re

import cv2
import numpy as np
import pytest

from blemish.config.evaluate import ThresholdRule
from blemish.errors import DataError
from blemish.evaluation.choice import THRESHOLDS, choose_point
from blemish.metrics import Counts, count


def rule(false_alarms: float, price: float = 1.0) -> ThresholdRule:
    return ThresholdRule(false_alarms=false_alarms, price=price, plateau=0.0)


def scene(mark: float, free_mark: float) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """One image whose defect has a probability, one defect-free image with a false mark."""
    truth = np.zeros((8, 8), bool)
    truth[2:6, 2:6] = True
    probability = np.where(truth, np.float32(mark), np.float32(0.05))
    free = np.full((8, 8), 0.01, np.float32)
    free[0, 0] = free_mark
    return [("set", probability, truth), ("set", free, np.zeros((8, 8), bool))]


def test_threshold_is_the_middle_of_the_plateau() -> None:
    """Between background and defect any threshold is best; the middle one in logits is taken."""
    choice = choose_point(scene(0.85, 0.01), rule(false_alarms=1.0))
    equal = THRESHOLDS[(THRESHOLDS > 0.05) & (THRESHOLDS <= 0.85)]
    assert choice.threshold == equal[len(equal) // 2]
    assert (choice.dice, choice.false_alarms, choice.bounded) == (1.0, 0.0, True)


def test_peak_rises_until_free_images_stay_free() -> None:
    """A false mark on a defect-free image raises the peak above it, at a price in Dice."""
    images = [*scene(0.85, 0.7), *scene(0.5, 0.7)]
    loose = choose_point(images, rule(false_alarms=1.0))
    strict = choose_point(images, rule(false_alarms=0.0))
    assert loose.threshold < 0.5
    assert loose.peak == 0.0
    assert 0.7 < strict.peak < 0.75
    assert (loose.false_alarms, strict.false_alarms) == (1.0, 0.0)
    assert strict.dice < loose.dice


def test_one_odd_image_of_few_sets_no_peak() -> None:
    """Of ten defect-free images 5 % would allow none: one is allowed, two are not, 0 means 0."""
    ordinary = scene(0.85, 0.01)
    odd, quiet = scene(0.5, 0.7)[1], ordinary[1]
    one = [*ordinary[:1], scene(0.5, 0.01)[0], odd, *[quiet] * 9]
    assert choose_point(one, rule(false_alarms=0.05)).peak == 0.0
    assert choose_point(one, rule(false_alarms=0.0)).peak > 0.7
    assert choose_point([*one[:-1], odd], rule(false_alarms=0.05)).peak > 0.7


def test_a_peak_leaves_the_border_of_a_mark_alone() -> None:
    """A threshold above the false mark would cut off the unsure border of the sure one."""
    (name, probability, truth), free = scene(0.95, 0.7)
    rim = probability.copy()
    rim[2:6, 2] = 0.4
    choice = choose_point([(name, rim, truth), free], rule(false_alarms=0.0))
    assert choice.threshold < 0.4
    assert choice.peak > 0.7
    assert choice.dice == 1.0


def test_free_images_cost_no_more_dice_than_said() -> None:
    """Where unmarked defect-free images cost more Dice than their price, marks are accepted."""
    images = [*scene(0.85, 0.7), *scene(0.5, 0.7)]
    choice = choose_point(images, rule(false_alarms=0.0, price=0.1))
    assert choice.threshold < 0.5
    assert choice.point.mark(images[2][1]).any()
    assert not choice.bounded


def test_a_bound_that_cannot_be_kept_is_said_to_be_broken() -> None:
    """Where every threshold raises alarms, the fewest are taken and the choice says so."""
    choice = choose_point(scene(0.9, 1.0), rule(false_alarms=0.1))
    assert not choice.bounded
    assert choice.false_alarms == 1.0


def test_labelled_images_hold_the_peak_up_where_few_are_defect_free() -> None:
    """A mark far from their defects is a false alarm, unless the network has learned the image."""
    truth = np.zeros((100, 100), bool)
    truth[40:50, 40:50] = True
    probability = np.where(truth, np.float32(0.95), np.float32(0.05))
    probability[40:50, 40], probability[2, 2] = 0.4, 0.9  # the rim keeps the threshold low
    labelled = [("set", probability, truth)] * 12
    found = choose_point(labelled, rule(false_alarms=0.1))
    assert (found.peak > 0.9, found.beside_defects, found.bounded) == (True, 12, True)
    assert "0 defect-free images and of 12 labelled ones" in found.describe_alarms(0.1)
    learned = choose_point(labelled, rule(false_alarms=0.1), beside_defects=False)
    assert (learned.peak, learned.beside_defects, learned.bounded) == (0.0, 0, None)
    quiet = [("set", np.full((8, 8), np.float32(0.01)), np.zeros((8, 8), bool))] * 10
    enough = choose_point([*labelled, *quiet], rule(false_alarms=0.1))
    assert (enough.peak, enough.beside_defects, enough.bounded) == (0.0, 0, True)
    near = probability.copy()
    near[2, 2], near[54, 54] = 0.05, 0.9
    assert choose_point([("set", near, truth)] * 12, rule(false_alarms=0.1)).peak == 0.0


@pytest.mark.parametrize(
    ("defect_free", "marked", "bounded", "said"),
    [
        (0, 0, None, "No defect-free image chose the peak: false alarms are unknown"),
        (4, 0, None, "of 4 defect-free images, which cannot show that new ones keep .* 10.0%"),
        (4, 1, False, "A mark on 25.0% of 4 defect-free images; the bound of 10.0% is not kept"),
        (20, 2, True, "20 defect-free images; the bound of 10.0% is kept; at most 28.3% of new"),
    ],
)
def test_too_few_defect_free_images_are_not_said_to_keep_the_bound(
    defect_free: int, marked: int, *, bounded: bool | None, said: str
) -> None:
    """Without any, or with fewer than one mark would need, the bound is neither kept nor broken."""
    quiet, odd = scene(0.5, 0.01)[1], scene(0.5, 1.0)[1]
    images = [scene(0.85, 0.01)[0], *[odd] * marked, *[quiet] * (defect_free - marked)]
    choice = choose_point(images, rule(false_alarms=0.1))
    assert choice.bounded is bounded
    assert re.search(said, choice.describe_alarms(0.1))


def test_metrics_of_the_choice_are_those_of_its_marks() -> None:
    """Dice and false alarms, taken from tables, equal those of marking every image."""
    rng = np.random.default_rng(5)
    images = []
    for _ in range(12):
        probability = cv2.GaussianBlur(rng.random((40, 40), np.float32), (0, 0), 1.5)
        probability = cv2.normalize(probability, None, 0, 1, cv2.NORM_MINMAX)
        truth = (probability > 0.7) & (rng.random((40, 40)) > 0.3)
        images.append(("set", probability, truth if len(images) % 2 else np.zeros_like(truth)))
    for bound in (1.0, 0.5, 0.2):
        choice = choose_point(images, rule(false_alarms=bound))
        marks = [choice.point.mark(probability) for _, probability, _ in images]
        counts = sum((count(m, t) for m, (_, _, t) in zip(marks, images, strict=True)), Counts())
        free = [m.any() for m, (_, _, t) in zip(marks, images, strict=True) if not t.any()]
        assert choice.threshold in THRESHOLDS
        assert choice.dice == pytest.approx(counts.dice, abs=1e-12)
        assert choice.false_alarms == pytest.approx(np.mean(free), abs=1e-12)


def test_threshold_needs_a_defect() -> None:
    """Validation images that are all defect-free give an error with the param to change."""
    with pytest.raises(DataError, match=r"preprocess\.split\.val"):
        choose_point(scene(0.9, 0.1)[1:], rule(false_alarms=0.1))
