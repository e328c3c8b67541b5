"""Whole images: defective or free."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from blemish.errors import ShapeError

_SCORING_PIXELS = 10  # about the smallest defect worth an alarm; one hot pixel is none


def image_score(probability: npt.NDArray[np.float32]) -> float:
    """How defective an image looks: the mean of its ten highest probabilities.

    Args:
        probability: Shape ``(H, W)``, floating, in ``[0, 1]``.

    Returns:
        In ``[0, 1]``.

    Raises:
        ShapeError: No pixel.
    """
    if probability.size == 0:
        raise ShapeError("An image score needs at least one pixel.")
    flat = probability.ravel()
    count = min(_SCORING_PIXELS, flat.size)
    return float(np.partition(flat, flat.size - count)[-count:].mean(dtype=np.float64))


def auroc(scores: Sequence[float], defective: Sequence[bool]) -> float | None:
    """Chance that a defective image scores above a free one, ties half (Mann and Whitney 1947).

    Args:
        scores: One for each image.
        defective: Whether each holds a defect.

    Returns:
        In ``[0, 1]``; None unless there are images of both kinds.

    Raises:
        ShapeError: The lengths differ.
    """
    if len(scores) != len(defective):
        raise ShapeError(f"{len(scores)} scores for {len(defective)} images.")
    labels = np.asarray(defective, bool)
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        return None
    ranks = rankdata(scores)
    wins = ranks[labels].sum() - positive * (positive + 1) / 2
    return float(wins / (positive * negative))
