"""Overlap of masks, pixel by pixel.

One convention for empty masks: two empty masks agree, so every ratio is 1.0; where only one of
them is empty, every ratio is 0.0. Add ``Counts`` of many images for the pooled metrics.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from blemish.arrays import Mask
from blemish.errors import ShapeError

Numbers = npt.NDArray[Any]
"""Counts or ratios of many images, shape ``(R,)``, integers or float64."""


@dataclass(frozen=True)
class Counts:
    """Pixels found, falsely marked, missed, and rightly left alone."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN), in ``[0, 1]``; 1.0 when both masks are empty (Dice 1945)."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN), in ``[0, 1]``; 1.0 when both masks are empty (Jaccard 1912)."""
        return self._ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP), in ``[0, 1]``; 1.0 when both masks are empty, 0.0 when one is."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN), in ``[0, 1]``; 1.0 when both masks are empty, 0.0 when one is."""
        return self._ratio(self.tp, self.tp + self.fn)

    def _ratio(self, part: int, whole: int) -> float:
        if self.tp + self.fp + self.fn == 0:
            return 1.0
        return part / whole if whole else 0.0


def count(predicted: Mask, truth: Mask) -> Counts:
    """Count the pixels of each outcome.

    Args:
        predicted: Any shape, bool.
        truth: Same shape and dtype.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    check_masks(predicted, truth)
    tp = int(np.count_nonzero(predicted & truth))
    fp = int(np.count_nonzero(predicted)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return Counts(tp, fp, fn, predicted.size - tp - fp - fn)


def overlap_of(tp: Numbers, fp: Numbers, fn: Numbers) -> dict[str, Numbers]:
    """Return Dice, IoU, precision and recall of many pixel counts at once, as :class:`Counts` does.

    Args:
        tp: True positives, shape ``(R,)``.
        fp: False positives, same shape.
        fn: False negatives, same shape.

    Returns:
        By name, shape ``(R,)`` each, in ``[0, 1]``.
    """
    empty = tp + fp + fn == 0
    return {
        "dice": ratio_of(2 * tp, 2 * tp + fp + fn, empty),
        "iou": ratio_of(tp, tp + fp + fn, empty),
        "precision": ratio_of(tp, tp + fp, empty),
        "recall": ratio_of(tp, tp + fn, empty),
    }


def ratio_of(part: Numbers, whole: Numbers, empty: npt.NDArray[np.bool_]) -> Numbers:
    """Divide counts by the convention of this module: 1.0 where all is empty, else 0.0 for 0/0."""
    return np.where(empty, 1.0, part / np.maximum(whole, 1))


def check_masks(predicted: Mask, truth: Mask) -> None:
    """Refuse arrays that cannot be compared pixel by pixel.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    if predicted.shape != truth.shape or {predicted.dtype, truth.dtype} != {np.dtype(np.bool_)}:
        raise ShapeError(
            f"Two bool masks of one shape are compared; got {predicted.dtype} {predicted.shape} "
            f"and {truth.dtype} {truth.shape}."
        )
