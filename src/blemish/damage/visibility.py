"""The mask rule: which part of an event an inspector would paint, if any.

1. What does not show is not painted. The contrast of a line or spot is the root mean square of the
   change that it makes to the noiseless image; the noise is the local deviation of the clean
   image (texture, distractors) and of the camera together. Their ratio, weighted by the width
   (an eye integrates over an area; Rose 1948), must reach ``VISIBLE``.
   Of an area the change counts as an eye sees it that has smoothed the grain away, and besides
   the grain itself where it becomes stronger or weaker; a new draw of the same grain is no change.
2. Lines and spots are painted to the border of what shows, both flanks included, plus a margin of
   a pixel at 256; where they fade below ``FADED`` they are not painted.
3. Areas are painted whole, the way a brush does: gaps and islands within them are included,
   a ragged border is smoothed at the brush's width, crumbs beside them are left out.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from blemish.arrays import Mask
from blemish.damage.change import Change
from blemish.damage.geometry import Window
from blemish.damage.noise import Field, blur

VISIBLE = 1.5
FADED = 0.45
_NARROW, _WIDE = 0.5, 2.5  # bounds of the weight of a width, in units of 3 px
_LEAST_AREA = 4  # px
_SMOOTHING = 2.5  # deviation of an eye's smoothing, px at magnification 1
_LEAST_STEP = 2.0  # grey levels that a step between two areas needs besides the noise
_GRAIN_WEIGHT = 2.0  # contrast of a grain twice as strong, or half
_BRUSH = 0.8  # deviation of the brush that paints areas, px at magnification 1
_CRUMB = 0.04  # part of the largest island of an area below which another is a crumb


@dataclass(frozen=True)
class Sight:
    """The clean image as an eye judges against it.

    Attributes:
        clean: Its noiseless signal, grey levels, shape ``(H, W)``.
        noise: Local deviation of texture and camera together, same unit and shape.
    """

    clean: Field
    noise: Field


@dataclass(frozen=True)
class Painted:
    """An event as painted, in the box of its change."""

    box: Window
    region: Mask
    contrast_to_noise: float
    width_px: float


def judge(clean: Field, camera_noise: Field, unit: float) -> Sight:
    """Measure the local noise of a clean image.

    Args:
        clean: Noiseless signal, grey levels.
        camera_noise: Deviation of the camera's noise, same shape.
        unit: Magnification; texture coarser than a few units is no noise but a background.
    """
    side = 2 * round(6 * max(unit, 0.7)) + 1
    detail = clean - cv2.blur(clean, (side, side))
    variance = cv2.blur(detail * detail, (2 * side + 1, 2 * side + 1))
    return Sight(clean, np.sqrt(variance + camera_noise * camera_noise + np.float32(0.3)))


def paint(change: Change, seen: Field, sight: Sight, unit: float) -> Painted | None:
    """Apply the rule to one event.

    Args:
        change: The event.
        seen: Noiseless signal with it, shape of the image.
        sight: The clean image.
        unit: Magnification.

    Returns:
        What is painted; None where the event does not show.
    """
    box = change.box
    before, after, noise = (f[box.slices] for f in (sight.clean, seen, sight.noise))
    difference = after - before
    region = change.extent
    if change.thin:
        margin = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
        region = np.asarray(cv2.dilate(region.astype(np.uint8), margin), dtype=np.bool_)
        local = np.sqrt(blur(difference * difference, 1.5 * max(1.0, unit)))
        region = region & (local > np.float32(FADED) * noise)
    else:
        region = _brush(region, _BRUSH * max(1.0, unit))
    area = int(region.sum())
    if area < _LEAST_AREA:
        return None
    width, weight = measure_width(region), 1.0
    texture = float(noise[region].mean())
    if change.thin:
        contrast = _rms(difference[region]) / texture
        weight = float(np.sqrt(np.clip(width / 3, _NARROW, _WIDE)))
    else:
        sigma = _SMOOTHING * max(1.0, unit)
        step = _rms(blur(difference, sigma)[region]) / np.hypot(texture, _LEAST_STEP)
        contrast = float(np.hypot(step, _change_of_grain(before, after, region, texture, sigma)))
    if contrast * weight < VISIBLE:
        return None
    return Painted(box, region, contrast, width)


def _change_of_grain(
    before: Field, after: Field, region: Mask, texture: float, sigma: float
) -> float:
    """Return how much stronger (or, below 0, weaker) the grain of an area became, as a contrast."""
    grains = (float((f - blur(f, sigma))[region].std()) for f in (before, after))
    floor = 0.3 * texture
    first, second = (np.log2(grain + floor) for grain in grains)
    return float(_GRAIN_WEIGHT * (second - first))


def _rms(values: Field) -> float:
    return float(np.sqrt(np.mean(values * values)))


def _brush(region: Mask, sigma: float) -> Mask:
    """Smooth the border of an area and drop the crumbs beside it."""
    smooth = blur(region.astype(np.float32), sigma) > np.float32(0.5)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(smooth.astype(np.uint8))
    if count <= 2:
        return np.asarray(smooth)
    areas = statistics[:, cv2.CC_STAT_AREA]
    kept = areas >= _CRUMB * areas[1:].max()
    kept[0] = False
    return np.asarray(kept[labels])


def measure_width(region: Mask) -> float:
    """Return the typical width of a region, px: twice the mean depth along its middle line."""
    padded = np.pad(region.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    ridge = depth[(depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & (depth > 0)]
    return float(2 * ridge.mean() - 0.5) if len(ridge) else 0.0
