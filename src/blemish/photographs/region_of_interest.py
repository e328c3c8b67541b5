"""Where the part is in a photograph, found where what lies around it is plain."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask, Plane
from blemish.damage.noise import as_field, blur

_SIDE = 512  # px; a larger photograph is reduced to this before the part is looked for
_FRAME = 0.03  # width of the frame that is taken for background, as a part of the side
_PLAIN_SHARE = 0.6  # of the frame that must follow one smooth course of grey levels
_LEAST_TOLERANCE = 6.0  # grey levels that a background may depart from that course
_DEVIATIONS = 4.0  # the same in deviations of the frame
_SHARES = (0.02, 0.9)  # smallest and largest part, as a part of the photograph
_STANDS_OUT = 2.0  # median departure of the part, in tolerances
_PLAIN_BESIDE = 0.93  # share of what lies beside the part that must be plain
_COMPACT = 0.6  # of the part's area that its largest piece must have: dirt on a sheet is scattered


def find_part(plane: Plane) -> Mask | None:
    """Find the part in front of a plain background.

    The course of the background (level, slope and curvature) is fitted to a frame along the
    borders of the photograph; the part is what departs from it and is compact.

    Args:
        plane: Shape ``(H, W)``, uint8.

    Returns:
        Shape ``(H, W)``, bool; None where there is no plain background, or nothing before it.
    """
    height, width = plane.shape
    scale = min(1.0, _SIDE / max(plane.shape))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    smooth = blur(small.astype(np.float32), 1.0)
    departure = _departure_from_frame(smooth)
    if departure is None:
        return None
    part = _largest_pieces(departure > 1)
    if part is None or np.median(departure[part]) < _STANDS_OUT:
        return None
    if np.mean(departure[~part] <= 1) < _PLAIN_BESIDE:
        return None
    full = cv2.resize(part.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, dtype=np.bool_)


def find_parts(planes: Iterable[Plane]) -> list[Mask | None]:
    """Find the part in each photograph of a set; nowhere, unless it is found in most of them.

    Args:
        planes: Each of shape ``(H, W)``, uint8.
    """
    parts = [find_part(plane) for plane in planes]
    found = sum(part is not None for part in parts)
    return parts if found > len(parts) / 2 else [None] * len(parts)


def _departure_from_frame(smooth: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return how far a photograph departs from the course of its frame, in tolerances.

    Args:
        smooth: Shape ``(H, W)``, grey levels.

    Returns:
        Same shape, at least 0; None where the frame is not plain.
    """
    height, width = smooth.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    border = max(2, round(_FRAME * max(height, width)))
    frame = np.ones(smooth.shape, dtype=np.bool_)
    frame[border:-border, border:-border] = False
    levels, courses = smooth[frame], terms[frame]
    kept = np.abs(levels - np.median(levels)) <= max(4 * _deviation(levels), 2 * _LEAST_TOLERANCE)
    ridge = np.float32(1e-3) * np.eye(terms.shape[-1], dtype=np.float32)
    for _ in range(4):
        inside = courses[kept]
        fit = np.linalg.solve(inside.T @ inside + ridge, inside.T @ levels[kept])
        departure = np.abs(levels - courses @ fit)
        tolerance = max(_DEVIATIONS * _deviation(departure[kept]), _LEAST_TOLERANCE)
        kept = departure <= tolerance
        if kept.mean() < _PLAIN_SHARE:
            return None
    return as_field(np.abs(smooth - terms @ fit) / tolerance)


def _deviation(values: NDArray[np.float32]) -> float:
    """Return a robust standard deviation: 1.48 times the median distance from the median."""
    return float(1.48 * np.median(np.abs(values - np.median(values))))


def _largest_pieces(departure: Mask) -> Mask | None:
    """Close what departs from the background to one part; None where it is none."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(departure.view(np.uint8), cv2.MORPH_OPEN, disc[1:-1, 1:-1])
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disc, iterations=2)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros_like(closed)
    cv2.drawContours(whole, outlines, -1, 1, cv2.FILLED)
    whole = cv2.erode(whole, disc[1:-1, 1:-1])  # the smoothing has moved the border outward
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(whole)
    if count < 2:
        return None
    areas = statistics[1:, cv2.CC_STAT_AREA]
    total = float(areas.sum())
    if not _SHARES[0] <= total / whole.size <= _SHARES[1] or areas.max() < _COMPACT * total:
        return None
    large = np.concatenate([[False], areas > 0.1 * areas.max()])
    return np.asarray(large[labels], dtype=np.bool_)
