"""Two models on the same test images of one set: how far apart they are, and how sure that is.

The difference is resampled over groups, since images of one part err together, and judged by the
confidence bound on its bad side (non-inferiority; Efron & Tibshirani 1993, chapter 13).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.config.promote import ComparisonBounds
from blemish.metrics import Counts, group_draws
from blemish.metrics.pixels import overlap_of

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedResult:
    """The results of two models on one test image, each at its own operating point.

    Attributes:
        image_id: Safe stem of the image's name.
        set_name: Set that it comes from.
        group: Physical part that it shows; unique within its set.
        classes: Classes of its defects; empty when it is defect-free.
        candidate: Pixel counts of the candidate.
        champion: Pixel counts of the champion; None where there is no champion.
    """

    image_id: str
    set_name: str
    group: str
    classes: tuple[str, ...]
    candidate: Counts
    champion: Counts | None

    @property
    def defective(self) -> bool:
        """Whether its mask shows a defect."""
        return self.candidate.tp + self.candidate.fn > 0


@dataclass(frozen=True)
class Difference:
    """A metric of the candidate less that of the champion, with its one-sided bounds."""

    candidate: float
    champion: float
    mean: float
    low: float
    high: float


def compare(results: Sequence[PairedResult], comparison: ComparisonBounds) -> Difference:
    """Compare Dice, pooled over the pixels of a set's images.

    Args:
        results: One entry for each test image of a set, with a champion.
        comparison: Resamples, confidence and seed.
    """

    def pixels(counts: Counts) -> tuple[int, int, int]:
        return counts.tp, counts.fp, counts.fn

    return _compare(results, comparison, pixels, lambda sums: overlap_of(*sums.T)["dice"])


def compare_false_alarms(
    results: Sequence[PairedResult], comparison: ComparisonBounds
) -> Difference:
    """Compare the share of defect-free images with a mark.

    Args:
        results: One entry for each defect-free test image of a set, with a champion.
        comparison: Resamples, confidence and seed.
    """

    def alarm(counts: Counts) -> tuple[int, int, int]:
        return int(counts.fp > 0), 1, 0

    def share(sums: Numbers) -> Numbers:
        return sums[:, 0] / sums[:, 1]

    return _compare(results, comparison, alarm, share)


def _compare(
    results: Sequence[PairedResult],
    comparison: ComparisonBounds,
    columns: Callable[[Counts], tuple[int, int, int]],
    metric: Callable[[Numbers], Numbers],
) -> Difference:
    """Resample groups of images; a metric follows from sums of columns over images."""
    draws, member_of = group_draws(
        [result.group for result in results],
        resamples=comparison.resamples,
        seed=comparison.seed,
    )  # (R, G), (N,)
    candidate, champion = (np.zeros((draws.shape[1], 3)) for _ in range(2))  # (G, columns)
    np.add.at(candidate, member_of, [columns(result.candidate) for result in results])
    np.add.at(champion, member_of, [columns(result.champion or Counts()) for result in results])
    differences = metric(draws @ candidate) - metric(draws @ champion)  # (R,)
    ours, theirs = (float(metric(c.sum(axis=0, keepdims=True))[0]) for c in (candidate, champion))
    low, high = np.quantile(differences, [1 - comparison.confidence, comparison.confidence])
    return Difference(ours, theirs, ours - theirs, float(low), float(high))
