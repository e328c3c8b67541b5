"""Threshold and peak: chosen on validation images, with a view to metal that nobody has seen.

Dice hardly depends on the threshold over a wide plateau, and where exactly its highest point lies
is chance. So the middle of the plateau is taken, which is furthest from both of its edges when
images change. The peak that a mark must reach keeps parts without a defect free of marks: on a
line most parts are, and a mark on each costs more than a little Dice. It is the lowest that keeps
the bound on false alarms; how much Dice that may cost is bounded too, or a model that sees little
would find nothing at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from blemish.arrays import Map, Mask
from blemish.config.evaluate import ThresholdRule
from blemish.errors import DataError
from blemish.metrics import binomial_bound
from blemish.metrics.pixels import overlap_of
from blemish.metrics.thresholds import Floats
from blemish.operating_point import OperatingPoint, label_regions

THRESHOLDS: Floats = np.round(4096 / (1 + np.exp(-np.linspace(-6, 4, 21)))) / 4096
"""Those that are tried, from 0.002 to 0.98, evenly spaced in logits.

On metal that a network hardly knows, defects get low probabilities: their best threshold lay below
0.06 on every split of magnetic tiles, and above 0.8 on strip steel.
"""

MARGIN = 16
"""Pixels around a defect in which a mark is no false alarm, but a border seen otherwise."""

FEW = 32
"""Defective images from which on the plateau is as wide as the rule says."""

PEAKS: Floats = np.round((1 - 2 ** (-np.arange(41) / 4)) * 4096) / 4096
"""Tried too, from none to 0.999, closer to each other the surer they are."""


@dataclass(frozen=True)
class Choice:
    """An operating point and what it gives on the validation split."""

    threshold: float
    """One of ``THRESHOLDS``."""
    peak: float
    """One of ``PEAKS``."""
    dice: float
    """Pooled over the pixels of a set, mean over the sets that hold a defect."""
    false_alarms: float
    """Share of images with a mark where there is no defect; 0.0 without such images."""
    bounded: bool | None
    """Whether ``false_alarms`` keeps the bound asked for; None where the images cannot say it."""
    defect_free: int = 0
    """Number of defect-free images that ``false_alarms`` is a share of."""
    beside_defects: int = 0
    """Number of labelled images that it is a share of too, beside their defects."""

    @property
    def point(self) -> OperatingPoint:
        """Threshold and peak."""
        return OperatingPoint(self.threshold, self.peak)

    @property
    def false_alarm_bound(self) -> float | None:
        """Upper bound of ``false_alarms`` at 95 % confidence; None without images to count."""
        shown = self.defect_free + self.beside_defects
        return binomial_bound(round(self.false_alarms * shown), shown) if shown else None

    def describe_alarms(self, bound: float) -> str:
        """Say in one sentence what is known of false alarms.

        Args:
            bound: Largest share of defect-free images with a mark that was asked for.
        """
        if not self.defect_free + self.beside_defects:
            return "No defect-free image chose the peak: false alarms are unknown"
        marked = f"A mark on {self.false_alarms:.1%} of {self.defect_free} defect-free images"
        if self.beside_defects:
            marked += f" and of {self.beside_defects} labelled ones beside their defects"
        if self.bounded is None:
            marked += f", which cannot show that new ones keep the bound of {bound:.1%}"
        else:
            marked += f"; the bound of {bound:.1%} is {'kept' if self.bounded else 'not kept'}"
        return f"{marked}; at most {self.false_alarm_bound:.1%} of new ones with 95 % confidence"


def choose_point(
    images: Iterable[tuple[str, Map, Mask]], rule: ThresholdRule, *, beside_defects: bool = True
) -> Choice:
    """Choose by the rule above.

    Where defect-free images are too few to show the bound, labelled ones count beside them, by
    what is marked away from their defects: else nothing would hold the peak up.

    Args:
        images: For each validation image its set, probability and truth, both ``(H, W)``.
        rule: The bound on false alarms, its price, and the height of the plateau.
        beside_defects: Whether labelled images may count so; not if the network has learned them.

    Raises:
        DataError: No validation image holds a defect.
    """
    sets: dict[str, _Marks] = defaultdict(_Marks)
    free: list[float] = []
    beside: list[float] = []
    shown = 0
    for name, probability, truth in images:
        sets[name].add(probability, truth)
        if truth.any():
            shown += 1
            beside += _highest_beside(probability, truth) if beside_defects else []
        else:
            free.append(float(probability.max()))
    defective = [marks.dice() for _, marks in sorted(sets.items()) if marks.truth]
    if not defective:
        raise DataError(
            "No validation image holds a defect, so no threshold can be chosen. Raise "
            "preprocess.split.val or add images, then run: dvc repro"
        )
    dice = np.mean(defective, axis=0)
    # With few images where the best threshold lies is chance: the plateau is taken wider.
    tolerance = rule.plateau * max(1.0, np.sqrt(FEW / shown))
    beside = [] if _is_enough(len(free), rule.false_alarms) else beside
    highest = np.asarray([*free, *beside])
    choices = [_at_peak(dice, column, highest, rule, tolerance) for column in range(len(PEAKS))]
    chosen = _choose(choices, rule, _allowed(rule.false_alarms, len(highest)))
    return replace(chosen, defect_free=len(free), beside_defects=len(beside))


def _highest_beside(probability: Map, truth: Mask) -> list[float]:
    """Return the highest probability away from the defects, if that is half of an image or more."""
    side = 2 * MARGIN + 1
    near = cv2.dilate(truth.view(np.uint8), np.ones((side, side), np.uint8)) > 0
    return [float(probability[~near].max())] if near.mean() <= 0.5 else []


class _Marks:
    """Pixels of a set's marks, by threshold and by the peak that the mark reaches."""

    def __init__(self) -> None:
        self.truth = 0
        self._right = np.zeros((len(THRESHOLDS), len(PEAKS)), np.int64)
        self._wrong = np.zeros_like(self._right)

    def add(self, probability: Map, truth: Mask) -> None:
        """Count the marks of one image at every threshold."""
        self.truth += int(truth.sum())
        for row, threshold in enumerate(THRESHOLDS):
            mask = probability >= np.float32(threshold)
            if not mask.any():
                return
            count, labels = label_regions(mask)
            owner = labels[mask].astype(np.int64)
            peaks = np.zeros(count, np.float32)
            np.maximum.at(peaks, owner, probability[mask])
            column = np.searchsorted(PEAKS, peaks, side="right") - 1
            right = np.bincount(owner[truth[mask]], minlength=count)
            np.add.at(self._right[row], column, right)
            np.add.at(self._wrong[row], column, np.bincount(owner, minlength=count) - right)

    def dice(self) -> Floats:
        """Return pooled Dice, a row for each threshold, a column for each peak."""
        right, wrong = (
            table[:, ::-1].cumsum(axis=1)[:, ::-1] for table in (self._right, self._wrong)
        )
        pooled: Floats = overlap_of(right, wrong, self.truth - right)["dice"]
        return pooled


def _at_peak(
    dice: Floats,
    column: int,
    highest: npt.NDArray[np.float64],
    rule: ThresholdRule,
    tolerance: float,
) -> Choice:
    """Return the middle of the plateau of thresholds up to the peak; of all without one."""
    peak = float(PEAKS[column])
    rows = np.flatnonzero((peak >= THRESHOLDS) | (column == 0))
    given = dice[rows, column]
    plateau = np.flatnonzero(given >= given.max() - tolerance)
    middle = int(plateau[len(plateau) // 2])
    threshold = float(THRESHOLDS[rows[middle]])
    alarms = float((highest >= max(threshold, peak)).mean()) if highest.size else 0.0
    bounded = _is_bounded(alarms, rule.false_alarms, highest.size)
    return Choice(threshold, peak, float(given[middle]), alarms, bounded)


def _is_bounded(alarms: float, share: float, defect_free: int) -> bool | None:
    """Say whether a bound is kept; None where too few images could show it to be broken."""
    if alarms > share:
        return False
    return True if _is_enough(defect_free, share) else None


def _is_enough(defect_free: int, share: float) -> bool:
    """Say whether the share allows one marked image; if it is 0, whether there is any image."""
    return defect_free * share >= 1 if share else defect_free > 0


def _allowed(share: float, defect_free: int) -> float:
    """Allow one marked image where the share alone would allow less than one, unless it is 0.

    Of ten images not one could be marked under a bound of 5 %, and one odd image alone would then
    set the peak.
    """
    return max(share, 1 / defect_free) if share and defect_free else share


def _choose(choices: Sequence[Choice], rule: ThresholdRule, allowed: float) -> Choice:
    """Return the one with the lowest peak that keeps the bound, at an affordable price.

    Args:
        choices: One for each peak, the lowest first.
        rule: The price.
        allowed: Largest share of the defect-free images with any mark.
    """
    best = max(choice.dice for choice in choices)
    affordable = [choice for choice in choices if choice.dice >= best - rule.price]
    bound = max(allowed, min(choice.false_alarms for choice in affordable))
    return next(choice for choice in affordable if choice.false_alarms <= bound)
