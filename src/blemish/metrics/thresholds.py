"""What every threshold would give, and whether probabilities mean what they say.

Pixels are counted into 1,024 bins by probability, apart for those of defects and others.
Thresholds ``k / 1024`` are exact in float32, so counts from the histogram equal those from
comparing each pixel with the threshold: a sweep over all thresholds costs one pass over the pixels.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from blemish.arrays import Map, Mask
from blemish.errors import ShapeError
from blemish.metrics.pixels import Counts, overlap_of

BINS = 1024

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sweep:
    """Pooled metrics at each threshold, ascending; all of shape ``(T,)``, float64."""

    threshold: Floats
    dice: Floats
    iou: Floats
    precision: Floats
    recall: Floats


@dataclass(frozen=True)
class ReliabilityBin:
    """Pixels whose probability falls into one bin: how sure the model is, how often right."""

    pixels: int
    confidence: float
    frequency: float


def _zeros() -> Numbers:
    return np.zeros(BINS, np.int64)


@dataclass(frozen=True)
class ThresholdHistogram:
    """Pixels counted by probability; add image after image."""

    positive: Numbers = field(default_factory=_zeros)
    negative: Numbers = field(default_factory=_zeros)
    total: Floats = field(default_factory=lambda: np.zeros(BINS))
    """Sum of the probabilities in each bin."""

    def add(self, probability: Map, truth: Mask) -> None:
        """Count the pixels of one image.

        Args:
            probability: Any shape, float32, in ``[0, 1]``.
            truth: Same shape, bool.

        Raises:
            ShapeError: The shapes differ, or a probability is outside ``[0, 1]`` or NaN.
        """
        if probability.shape != truth.shape or truth.dtype != np.bool_:
            raise ShapeError(
                f"Probability {probability.shape} needs a bool truth of that shape, not "
                f"{truth.dtype} {truth.shape}."
            )
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ShapeError("Probabilities lie in [0, 1]; some are outside or NaN.")
        index = np.minimum((probability * BINS).astype(np.int64), BINS - 1).ravel()
        marked = truth.ravel()
        self.positive[:] += np.bincount(index[marked], minlength=BINS)
        self.negative[:] += np.bincount(index[~marked], minlength=BINS)
        self.total[:] += np.bincount(index, probability.ravel(), minlength=BINS)

    def counts(self, threshold: float) -> Counts:
        """Count outcomes for marks where ``probability >= threshold``.

        Args:
            threshold: A multiple of 1/1024; others are taken down to the next one.
        """
        first = int(threshold * BINS)
        tp, fp = int(self.positive[first:].sum()), int(self.negative[first:].sum())
        return Counts(tp, fp, int(self.positive.sum()) - tp, int(self.negative.sum()) - fp)

    def sweep(self, count: int = BINS) -> Sweep:
        """Return the pooled metrics at each threshold ``k / count``, k from 1 to ``count - 1``.

        Args:
            count: A divisor of 1,024.
        """
        thresholds = np.arange(1, count) / count
        places = np.arange(1, count) * (BINS // count)
        tp = self.positive[::-1].cumsum()[::-1][places]
        fp = self.negative[::-1].cumsum()[::-1][places]
        return Sweep(thresholds, **overlap_of(tp, fp, self.positive.sum() - tp))

    def reliability(self, bins: int = 16) -> tuple[ReliabilityBin, ...]:
        """Group pixels into equal bins of probability, those without a pixel left out.

        Args:
            bins: How many; a divisor of 1,024.

        Raises:
            ShapeError: ``bins`` does not divide 1,024.
        """
        if BINS % bins:
            raise ShapeError(f"Reliability bins must divide {BINS}; got {bins}.")
        positive = self.positive.reshape(bins, -1).sum(axis=1)
        pixels = positive + self.negative.reshape(bins, -1).sum(axis=1)
        total = self.total.reshape(bins, -1).sum(axis=1)
        return tuple(
            ReliabilityBin(int(n), float(t / n), float(p / n))
            for n, t, p in zip(pixels, total, positive, strict=True)
            if n
        )

    def expected_calibration_error(self, bins: int = 16) -> float:
        """Mean gap between confidence and frequency, weighted by pixels (Naeini et al. 2015).

        Returns:
            In ``[0, 1]``; 0.0 without any pixel.
        """
        groups = self.reliability(bins)
        pixels = sum(group.pixels for group in groups)
        gaps = sum(group.pixels * abs(group.confidence - group.frequency) for group in groups)
        return gaps / max(pixels, 1)
