"""How far a figure may lie from the truth, by resampling groups (Efron 1979; Davison 1997)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from blemish.errors import ShapeError


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def bootstrap_interval(
    groups: Sequence[str],
    statistic: Callable[[npt.NDArray[np.intp]], float | None],
    *,
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval | None:
    """Percentile bootstrap over groups: images of one part stay together, as they err together.

    Args:
        groups: The group of each image.
        statistic: A figure for the images of these indices, repeats included; None where it is
            undefined, which leaves that resample out.
        resamples: How many times to draw.
        seed: Of the draws.
        level: Share of resamples within the interval.

    Returns:
        None with fewer than two groups, or where the figure was never defined.

    Raises:
        ShapeError: No images.
    """
    if not groups:
        raise ShapeError("A bootstrap needs at least one image.")
    names = sorted(set(groups))
    if len(names) < 2:
        return None
    array = np.asarray(groups)
    members = [np.flatnonzero(array == name) for name in names]
    rng = np.random.default_rng(seed)
    figures = []
    for _ in range(resamples):
        drawn = rng.integers(len(members), size=len(members))
        figures.append(statistic(np.concatenate([members[k] for k in drawn])))
    defined = [figure for figure in figures if figure is not None]
    if not defined:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
