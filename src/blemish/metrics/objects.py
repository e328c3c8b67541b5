"""Contours and whole defects: drawn to a tolerance, found, missed, or made up."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from blemish.arrays import Mask
from blemish.errors import ShapeError
from blemish.metrics.pixels import Counts, check_masks

_EIGHT_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class ObjectCounts:
    """Defects found and missed, and marks that are right and false."""

    found: int = 0
    missed: int = 0
    right: int = 0
    false: int = 0

    def __add__(self, other: "ObjectCounts") -> "ObjectCounts":
        return ObjectCounts(
            self.found + other.found,
            self.missed + other.missed,
            self.right + other.right,
            self.false + other.false,
        )

    @property
    def recall(self) -> float:
        """Share of defects found; 1.0 without defects or marks, 0.0 with marks only."""
        return Counts(self.found, self.false, self.missed).recall

    @property
    def precision(self) -> float:
        """Share of marks that are right; 1.0 without defects or marks, 0.0 with defects only."""
        return Counts(self.right, self.false, self.missed).precision

    @property
    def f1(self) -> float:
        """Harmonic mean of object precision and recall, in ``[0, 1]``; 1.0 with nothing at all."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def coverage(predicted: Mask, instances: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Share of each defect that is marked; its mean over many is PRO (Bergmann et al. 2020).

    Args:
        predicted: Shape ``(H, W)``, bool.
        instances: Same shape, 0 background and ``k`` for the k-th of n defects.

    Returns:
        Shape ``(n,)``, in ``[0, 1]``; NaN for a number in ``1..n`` that has no pixel.

    Raises:
        ShapeError: The shapes differ.
    """
    if predicted.shape != instances.shape:
        raise ShapeError(f"Mask {predicted.shape} and instances {instances.shape} differ in shape.")
    area = np.bincount(instances.ravel(), minlength=1)
    marked = np.bincount(instances.ravel(), predicted.ravel(), minlength=area.size)
    shares = np.full(area.size, np.nan)
    np.divide(marked, area, out=shares, where=area > 0)
    return shares[1:]


def count_objects(
    predicted: Mask, instances: npt.NDArray[np.integer], *, overlap: float
) -> ObjectCounts:
    """Match marks and defects by how much of each lies in the other.

    A defect is found when at least ``overlap`` of it is marked. A mark (8-connected) is right when
    at least ``overlap`` of it lies in defects. Neither must be matched one to one: a scratch found
    in two pieces is found once, and both pieces are right.

    Args:
        predicted: Shape ``(H, W)``, bool.
        instances: Same shape, 0 background and ``k`` for the k-th defect.
        overlap: In ``(0, 1]``.

    Raises:
        ShapeError: The shapes differ.
    """
    shares = coverage(predicted, instances)
    shares = shares[~np.isnan(shares)]
    found = int((shares >= overlap).sum())
    marks, _ = ndimage.label(predicted, _EIGHT_NEIGHBOURS)
    purity = coverage(instances > 0, marks)
    right = int((purity >= overlap).sum())
    return ObjectCounts(found, shares.size - found, right, purity.size - right)


def boundary_f_score(predicted: Mask, truth: Mask, *, tolerance: float) -> float:
    """How well contours agree, to a tolerance (Csurka et al. 2013).

    The contour is the mask's pixels with a 4-neighbour outside it; the image's edge is outside.

    Args:
        predicted: Shape ``(H, W)``, bool.
        truth: Same shape and dtype.
        tolerance: Greatest distance at which contour pixels count as matched, in pixels.

    Returns:
        In ``[0, 1]``; 1.0 when both are empty, 0.0 when only one is.

    Raises:
        ShapeError: The shapes differ, or an array is not bool.
    """
    check_masks(predicted, truth)
    if not predicted.any() or not truth.any():
        return float(predicted.any() == truth.any())
    ours, theirs = _contour(predicted), _contour(truth)
    precision = float((_distance_to(theirs)[ours] <= tolerance).mean())
    recall = float((_distance_to(ours)[theirs] <= tolerance).mean())
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _contour(mask: Mask) -> Mask:
    inside: Mask = ndimage.binary_erosion(mask)
    return mask & ~inside


def _distance_to(contour: Mask) -> npt.NDArray[np.float64]:
    """Euclidean distance of each pixel to the nearest pixel of a contour."""
    return np.asarray(ndimage.distance_transform_edt(~contour))
