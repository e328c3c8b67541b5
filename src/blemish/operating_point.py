"""From a probability map to marks: hysteresis thresholding (Canny 1986).

One threshold cannot both follow a mark to its border, where a network is unsure, and leave out what
it is nowhere sure of. So there are two figures: a pixel is marked from the *threshold* on, but only
if the region of such pixels that it belongs to reaches the *peak* somewhere.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_LEAST = 1 / 1024  # lower thresholds are of no interest to anybody


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
        mask: Mask = probability >= np.float32(self.threshold)
        if self.peak <= self.threshold or not mask.any():
            return mask
        sure = probability >= np.float32(self.peak)
        if not sure.any():
            return np.zeros_like(mask)
        count, labels = cv2.connectedComponents(
            mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
        )
        kept = np.zeros(count, np.bool_)
        kept[labels[sure]] = True
        marks: Mask = kept[labels]
        return marks

    def reach(self, probability: Map) -> Map:
        """Return for each pixel the highest threshold at which it is still marked, given the peak.

        It is the reconstruction by dilation of what reaches the peak under the map (Vincent 1993),
        so comparing it with any threshold gives the marks at that one.

        Args:
            probability: Shape ``(H, W)``, float32, in ``[0, 1]``.

        Returns:
            Same shape and type; 0 where no threshold from 1/1024 on marks the pixel.
        """
        from skimage.morphology import reconstruction  # noqa: PLC0415 - not on a server

        sure = probability >= np.float32(self.peak)
        reached = np.zeros_like(probability)
        rows, columns = (np.flatnonzero((probability >= _LEAST).any(axis)) for axis in (1, 0))
        if sure.any() and rows.size:
            here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            under = probability[here]
            seeds = np.where(sure[here], under, np.float32(0))
            footprint = np.ones((3, 3))
            reached[here] = reconstruction(seeds, under, footprint=footprint)  # type: ignore[no-untyped-call]  # scikit-image has no types
        return reached
