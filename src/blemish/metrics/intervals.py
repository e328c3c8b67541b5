"""How far a value may lie from the truth, by resampling groups (Efron 1979; Davison 1997)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from blemish.errors import ShapeError

Weights = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def group_draws(
    groups: Sequence[str], *, resamples: int, seed: int
) -> tuple[Weights, npt.NDArray[np.int64]]:
    """Draw as many groups as there are, with replacement: images of one part err together.

    Args:
        groups: The group of each of N images.
        resamples: How many times R to draw.
        seed: Random seed of the draws.

    Returns:
        How often each of the G groups is drawn each time, shape ``(R, G)``, and the column of each
        image's group, shape ``(N,)``.

    Raises:
        ShapeError: No images.
    """
    if not groups:
        raise ShapeError("A bootstrap needs at least one image.")
    names, member_of = np.unique(np.asarray(groups), return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    drawn = np.random.default_rng(seed).multinomial(len(names), even, size=resamples)
    return drawn.astype(np.float64), member_of


def group_weights(groups: Sequence[str], *, resamples: int, seed: int) -> Weights:
    """Weigh images by how often their group is drawn, as :func:`group_draws` draws.

    Args:
        groups: The group of each of N images.
        resamples: How many times R to draw as many groups as there are.
        seed: Random seed of the draws.

    Returns:
        Shape ``(R, N)``: how often each image is drawn each time.

    Raises:
        ShapeError: No images.
    """
    drawn, member_of = group_draws(groups, resamples=resamples, seed=seed)
    weights: Weights = drawn[:, member_of]
    return weights


def percentile_interval(values: npt.NDArray[np.float64], level: float = 0.95) -> Interval | None:
    """Return the interval that holds the middle share of a value's resamples.

    Args:
        values: One for each resample; NaN where it is undefined, which leaves that one out.
        level: The share.

    Returns:
        None where the value was never defined.
    """
    defined = values[~np.isnan(values)]
    if defined.size == 0:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def binomial_bound(hits: int, trials: int, confidence: float = 0.95) -> float:
    """Return the upper bound of a share that was seen in some trials (Clopper and Pearson 1934).

    Args:
        hits: How often it was seen.
        trials: Out of how many; at least 1.
        confidence: That the true share is not higher.

    Returns:
        In ``(0, 1]``: no hit in 60 trials gives 0.049.
    """
    return 1.0 if hits >= trials else float(beta.ppf(confidence, hits + 1, trials - hits))
