"""Whole images: defective or defect-free."""

import numpy as np
import numpy.typing as npt

from blemish.arrays import Map
from blemish.errors import ShapeError

_SCORING_PIXELS = 10  # about the smallest defect worth an alarm; one hot pixel is none


def image_score(probability: Map) -> float:
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


def weighted_auroc(
    scores: npt.NDArray[np.float64],
    defective: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the AUROC of many weightings of the same N images at once.

    It is the chance that a defective image scores above another, ties half (Mann, Whitney 1947).

    Args:
        scores: Shape ``(N,)``.
        defective: Shape ``(N,)``.
        weights: Shape ``(R, N)``, at least 0.

    Returns:
        Shape ``(R,)``, in ``[0, 1]``; NaN where a weighting leaves out one kind of image.
    """
    if len(scores) == 0:
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    _, first = np.unique(scores[order], return_index=True)
    # Weight of either kind at each distinct score, ascending.
    positive = np.add.reduceat((weights * defective)[:, order], first, axis=1)
    negative = np.add.reduceat((weights * ~defective)[:, order], first, axis=1)
    below = negative.cumsum(axis=1) - negative
    wins = (positive * (below + negative / 2)).sum(axis=1)
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    values = np.full(len(pairs), np.nan)
    np.divide(wins, pairs, out=values, where=pairs > 0)
    return values
