"""Overlap of masks, pixel by pixel.

One convention for empty masks: two empty masks agree, so every ratio is 1.0; where only one of
them is empty, every ratio is 0.0. Add ``Counts`` of many images for the pooled figures.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.arrays import Mask
from blemish.errors import ShapeError


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


def dice(predicted: Mask, truth: Mask) -> float:
    """Overlap of two masks, ``2|A and B| / (|A| + |B|)`` (Dice 1945).

    Args:
        predicted: Shape ``(H, W)``, bool.
        truth: Same shape and dtype.

    Returns:
        In ``[0, 1]``; 1.0 when both are empty.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    return count(predicted, truth).dice


def iou(predicted: Mask, truth: Mask) -> float:
    """Overlap of two masks, ``|A and B| / |A or B|`` (Jaccard 1912).

    Args:
        predicted: Shape ``(H, W)``, bool.
        truth: Same shape and dtype.

    Returns:
        In ``[0, 1]``; 1.0 when both are empty.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    return count(predicted, truth).iou


def precision(predicted: Mask, truth: Mask) -> float:
    """Share of the marked pixels that are defective.

    Args:
        predicted: Shape ``(H, W)``, bool.
        truth: Same shape and dtype.

    Returns:
        In ``[0, 1]``; 1.0 when both are empty, 0.0 when only one is.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    return count(predicted, truth).precision


def recall(predicted: Mask, truth: Mask) -> float:
    """Share of the defective pixels that are marked.

    Args:
        predicted: Shape ``(H, W)``, bool.
        truth: Same shape and dtype.

    Returns:
        In ``[0, 1]``; 1.0 when both are empty, 0.0 when only one is.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    return count(predicted, truth).recall


def dice_of(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Dice of many pixel counts at once, by the convention of :class:`Counts`.

    Args:
        counts: Shape ``(R, 3)``, rows of true positives, false positives and false negatives.

    Returns:
        Shape ``(R,)``, in ``[0, 1]``; 1.0 where all three are zero.
    """
    found = 2 * counts[:, 0]
    whole = found + counts[:, 1] + counts[:, 2]
    ratio: npt.NDArray[np.float64] = np.divide(
        found, whole, out=np.ones_like(whole), where=whole > 0
    )
    return ratio


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
