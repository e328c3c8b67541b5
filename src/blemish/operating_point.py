"""From a probability map to marks: hysteresis thresholding (Canny 1986).

One threshold cannot both follow a mark to its border, where a network is unsure, and leave out what
it is nowhere sure of. So there are two numbers: a pixel is marked from the *threshold* on, but only
if the region of such pixels that it belongs to reaches the *peak* somewhere.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from blemish.arrays import Map, Mask

LEVELS = tuple(k / 32 for k in range(1, 32))
"""Thresholds of a curve; exact in float32."""


def label_regions(mask: Mask) -> tuple[int, npt.NDArray[np.int32]]:
    """Number the 8-connected regions of a mask.

    Args:
        mask: Shape ``(H, W)``, bool.

    Returns:
        How many numbers there are, and for each pixel its own; 0 is outside all regions.
    """
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return count, labels  # type: ignore[return-value]  # cv2 names no dtype


def within(probability: Map, region: Mask | None) -> Map:
    """Return a probability map that is 0 outside the region of interest: no mark lies there.

    Args:
        probability: Shape ``(H, W)``, float32, in ``[0, 1]``.
        region: Same shape, bool; None is the whole image.
    """
    return probability if region is None else np.where(region, probability, np.float32(0))


@dataclass(frozen=True)
class OperatingPoint:
    """Which pixels of a probability map count as defect."""

    threshold: float
    """From this probability on a pixel may be marked, in ``[0, 1]``."""
    peak: float = 0.0
    """What the highest probability of a mark must reach, in ``[0, 1]``; at or below the threshold
    it demands nothing."""

    def __str__(self) -> str:
        return f"threshold {self.threshold}, peak {self.peak}"

    def mark(self, probability: Map) -> Mask:
        """Return the marks.

        Args:
            probability: Shape ``(H, W)``, float32, in ``[0, 1]``.

        Returns:
            Same shape, bool; marks are 8-connected.
        """
        # scikit-image's apply_hysteresis_threshold joins pixels by their edges alone and compares
        # strictly; on 512 x 512 px it takes 17 times as long, in the path of each request.
        mask: Mask = probability >= np.float32(self.threshold)
        if self.peak <= self.threshold or not mask.any():
            return mask
        sure = probability >= np.float32(self.peak)
        if not sure.any():
            return np.zeros_like(mask)
        count, labels = label_regions(mask)
        kept = np.zeros(count, np.bool_)
        kept[labels[sure]] = True
        marks: Mask = kept[labels]
        return marks

    def reach(self, probability: Map) -> Map:
        """Return for each pixel the highest of ``LEVELS`` at which it is marked, given the peak.

        Comparing it with one of them gives the marks at that threshold.

        Args:
            probability: Shape ``(H, W)``, float32, in ``[0, 1]``.

        Returns:
            Same shape and type; 0 where no level marks the pixel.
        """
        reached = np.zeros_like(probability)
        for level in LEVELS:
            marks = OperatingPoint(level, self.peak).mark(probability)
            if not marks.any():
                break
            reached[marks] = level
        return reached
