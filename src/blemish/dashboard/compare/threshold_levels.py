"""Which pixels of an image would be marked at every threshold that a slider can take.

A pixel's *level* is the number of thresholds of the grid at which it is marked. The marks at the
threshold ``values[i]`` are the pixels whose level exceeds ``i``, so that an image is looked at once
and every number of the page follows the sliders without asking the models again.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from skimage.morphology import reconstruction

from blemish.arrays import Map

STEP = 0.005
_STEPS = tuple(round(k * STEP, 3) for k in range(201))

Levels = npt.NDArray[np.uint8]


class ThresholdGrid:
    """The thresholds that a slider can take, and those that the two versions carry.

    Args:
        own: Thresholds of the versions, in ``[0, 1]``; at most 50.
    """

    def __init__(self, own: Sequence[float]) -> None:
        self.values = np.unique(np.array([*_STEPS, *own], np.float32))
        """Ascending, float32, at most 251 of them."""

    def index(self, threshold: float) -> int:
        """Return the place of a threshold; one that is not in the grid counts as the next above."""
        return int(np.searchsorted(self.values, np.float32(threshold), side="left"))

    def levels(self, probability: Map, peak: float) -> Levels:
        """Return the level of each pixel.

        Args:
            probability: Shape ``(H, W)``, float32, in ``[0, 1]``.
            peak: What the highest probability of a mark must reach.

        Returns:
            Same shape, uint8.
        """
        reached = _reach(probability, peak)
        return np.searchsorted(self.values, reached, side="right").astype(np.uint8)


def _reach(probability: Map, peak: float) -> Map:
    """Return for each pixel the highest threshold at which it is marked, given the peak.

    A pixel is marked at a threshold if a path of pixels at or above it leads to one that reaches
    the peak: that is the morphological reconstruction of the sure pixels under the probability.

    Returns:
        Same shape and dtype; -1 where no threshold marks the pixel.
    """
    sure = probability >= np.float32(peak)
    if sure.all():
        return probability
    nowhere = np.float32(-1)
    if not sure.any():
        return np.full_like(probability, nowhere)
    seed = np.where(sure, probability, nowhere)
    reached = reconstruction(  # type: ignore[no-untyped-call]  # scikit-image has no types
        seed, probability, method="dilation", footprint=np.ones((3, 3))
    )
    return np.asarray(reached, np.float32)
