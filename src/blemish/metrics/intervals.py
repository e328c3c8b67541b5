"""How far a figure may lie from the truth, by resampling groups (Efron 1979; Davison 1997)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from blemish.errors import ShapeError

Weights = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def group_weights(groups: Sequence[str], *, resamples: int, seed: int) -> Weights:
    """Draw groups with replacement: images of one part stay together, as they err together.

    Args:
        groups: The group of each of N images.
        resamples: How many times R to draw as many groups as there are.
        seed: Of the draws.

    Returns:
        Shape ``(R, N)``: how often each image is drawn each time.

    Raises:
        ShapeError: No images.
    """
    if not groups:
        raise ShapeError("A bootstrap needs at least one image.")
    names, member_of = np.unique(np.asarray(groups), return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    drawn = np.random.default_rng(seed).multinomial(len(names), even, size=resamples)
    weights: Weights = drawn[:, member_of].astype(np.float64)
    return weights


def percentile_interval(figures: npt.NDArray[np.float64], level: float = 0.95) -> Interval | None:
    """Return the interval that holds the middle share of a figure's resamples.

    Args:
        figures: One for each resample; NaN where it is undefined, which leaves that one out.
        level: The share.

    Returns:
        None where the figure was never defined.
    """
    defined = figures[~np.isnan(figures)]
    if defined.size == 0:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
