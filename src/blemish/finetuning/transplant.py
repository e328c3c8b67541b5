"""Labelled defects of one photograph pasted into another (Ghiasi et al. 2021, "Copy-Paste").

With few labels a network learns the photographs by heart, background included. A defect in front
of another part's background is a new image of it, and of real appearance, unlike a drawn one.
"""

from typing import cast

import cv2
import numpy as np

from blemish.arrays import Plane
from blemish.training.crops import IGNORED

_BORDER = 3
"""Pixels around a defect that are pasted with it: labels end where the contrast does."""

_SOFTNESS = 1.5
"""Deviation in pixels of the blend between what is pasted and what is there."""

_RING = 9
"""Width in pixels of the ring whose grey level the two photographs are matched by."""

_LIGHT = (0.5, 2.0)
"""Least and largest factor of that match."""


def transplant(host: tuple[Plane, Plane], donor: tuple[Plane, Plane]) -> tuple[Plane, Plane]:
    """Paste the defects of one crop into another, at their own place.

    The donor's light is scaled so that both agree around its defects, as reflectance asks.

    Args:
        host: Crop and truth, each ``(S, S)``, uint8; the truth 0, 1 or ``IGNORED``.
        donor: The same of another photograph.

    Returns:
        Crop and truth as the host's; the host itself where the donor shows no defect. What the
        host ignores stays ignored: it lies outside its region of interest.
    """
    marks = (donor[1] == 1).astype(np.uint8)
    if not marks.any():
        return host
    pasted = _dilate(marks, _BORDER)
    ring = (_dilate(pasted, _RING) > pasted) & (donor[1] == 0) & (host[1] == 0)
    light = 1.0
    if ring.any():
        light = float(np.clip(host[0][ring].mean() / max(donor[0][ring].mean(), 1.0), *_LIGHT))
    cover = cv2.GaussianBlur(pasted.astype(np.float32), (0, 0), _SOFTNESS)
    image = host[0] + cover * (donor[0] * np.float32(light) - host[0])
    truth = np.where((marks > 0) & (host[1] != IGNORED), np.uint8(1), host[1])
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), truth


def _dilate(mask: Plane, width: int) -> Plane:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return cast("Plane", cv2.dilate(mask, disc))
