"""How wide a marked defect is and how clearly it shows, measured in the photograph.

A drawn defect knows both. Of an imported one there is no image without it, so what would lie
under it is estimated from a ring around it. Good enough to sort defects by, not to cite.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from blemish.arrays import Mask, Plane

_GAP = 2  # px; soft edges belong to neither defect nor ring
_RING = 10  # px
_LEAST_RING = 40  # px of area; fewer say too little of the surface
_LEAST_NOISE = 0.5  # grey levels; no camera is quieter than its own steps


@dataclass(frozen=True)
class Appearance:
    """Typical width in pixels; contrast in units of the noise around, None where unknown."""

    width_px: float
    contrast_to_noise: float | None


def measure_defect(plane: Plane, region: Mask, marked: Mask) -> Appearance:
    """Measure one defect.

    Args:
        plane: Shape ``(H, W)``, uint8.
        region: The defect, same shape, not empty.
        marked: All defects of the image, same shape; none of them is taken for surface.

    Returns:
        Its typical width, and the root mean square of its difference from the surface around (a
        plane of grey levels fitted to a ring), the noise of that surface taken off, over the noise.
    """
    rows, columns = ndimage.find_objects(region.view(np.uint8), max_label=1)[0]
    reach = _GAP + _RING
    window = (
        slice(max(rows.start - reach, 0), rows.stop + reach),
        slice(max(columns.start - reach, 0), columns.stop + reach),
    )
    inside = region[window]
    contrast = _contrast(plane[window].astype(np.float64), inside, marked[window])
    return Appearance(round(_width(inside), 2), None if contrast is None else round(contrast, 3))


def _width(region: Mask) -> float:
    """Return twice the mean depth along the middle of a region, in pixels."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))
    middle = depth[(depth > 0) & (depth == ndimage.maximum_filter(depth, 3))]
    return max(1.0, float(2 * middle.mean() - 1))


def _contrast(plane: NDArray[np.float64], region: Mask, marked: Mask) -> float | None:
    distance = ndimage.distance_transform_edt(~region)
    ring = (distance > _GAP) & (distance <= _GAP + _RING) & ~marked
    if int(ring.sum()) < _LEAST_RING:
        return None
    rows, columns = np.indices(plane.shape)
    terms = np.stack([np.ones(plane.shape), rows, columns], axis=-1)
    plane_fit, *_ = np.linalg.lstsq(terms[ring], plane[ring], rcond=None)
    difference = plane - terms @ plane_fit
    noise = max(float(difference[ring].std()), _LEAST_NOISE)
    change = float((difference[region] ** 2).mean()) - noise**2
    return float(np.sqrt(max(change, 0.0))) / noise
