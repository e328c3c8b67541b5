"""What a camera, a lamp or a turned part could have made of a crop.

The geometry is one affine map from the stored image to the crop, so a pixel is resampled once or
not at all. Everything is drawn from one generator a crop.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Plane
from blemish.config.learning import Augmentation

_GAMMA = 1.6
"""Largest exponent of the tone curve, and the inverse of the smallest."""
_GAIN = 1.5
"""Largest contrast gain, and the inverse of the smallest."""
_OFFSET = 30.0
"""Grey levels that the brightness moves by at most."""
_SHADE = 0.35
"""Largest relative change of light across a crop."""
_BLUR = (0.4, 1.4)
"""Pixels of Gaussian deviation."""
_NOISE = (1.0, 12.0)
"""Grey levels of deviation."""
_JPEG = (35, 95)
"""Quality."""


@dataclass(frozen=True)
class CropView:
    """Which part of an image a crop shows, and how turned."""

    matrix: NDArray[np.float64]
    """Shape ``(2, 3)``: maps crop coordinates to image coordinates."""
    exact: bool
    """Every crop pixel falls on an image pixel."""


def draw_view(
    rng: np.random.Generator, centre: tuple[float, float], size: int, params: Augmentation
) -> CropView:
    """Draw a view around a point of the image.

    Args:
        rng: The crop's own generator.
        centre: ``(x, y)`` in the image, px.
        size: Side of the crop, px.
        params: How often to turn by right angles, and how often to turn freely and zoom.
    """
    quarter, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    angle, zoom = quarter * np.pi / 2, 1.0
    exact = bool(rng.random() >= params.warp)
    if params.turn < 1.0 and rng.random() >= params.turn:
        angle -= quarter % 2 * np.pi / 2  # as it is or upside down, mirrored or not
    if not exact:
        angle += rng.uniform(-np.pi / 4, np.pi / 4)
        zoom = float(np.exp(rng.uniform(*np.log(params.zoom))))
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    turn = np.array([[cos, -sin], [sin, cos]])
    if exact:
        turn = np.rint(turn)
    if mirrored:
        turn[:, 0] *= -1
    middle = (size - 1) / 2
    shift = np.asarray(centre) - turn @ (middle, middle)
    if exact:
        shift = np.rint(shift)
    return CropView(np.column_stack([turn, shift]), exact)


def cut_crop(view: CropView, image: Plane, mask: Plane, size: int) -> tuple[Plane, Plane]:
    """Cut one crop out of an image and its mask, reflecting at the borders.

    Args:
        view: What to show.
        image: Shape ``(H, W)``, uint8.
        mask: Same shape, 0 or 255.
        size: Side of the crop, px.

    Returns:
        Image and mask, each ``(size, size)``, uint8; the mask 0 or 1.
    """
    method = cv2.INTER_NEAREST if view.exact else cv2.INTER_LINEAR
    seen, truth = (
        cv2.warpAffine(
            plane,
            view.matrix,
            (size, size),
            flags=method | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        for plane in (image, mask)
    )
    return cast("Plane", seen), cast("Plane", (truth > 127).view(np.uint8))


def change_exposure(rng: np.random.Generator, crop: Plane, params: Augmentation) -> Plane:
    """Change what light, lens, sensor and storage did to a crop.

    Args:
        rng: The crop's own generator.
        crop: Shape ``(S, S)``, uint8; is not changed.
        params: How often to do each.

    Returns:
        Same shape, uint8.
    """
    chance = rng.random(6)
    if chance[0] < params.blur:
        crop = cast("Plane", cv2.GaussianBlur(crop, (0, 0), rng.uniform(*_BLUR)))
    if chance[1] < params.shade:
        crop = _shade(rng, crop)
    if chance[2] < params.tone:
        crop = cast("Plane", cv2.LUT(crop, _tone_curve(rng)))
    if chance[3] < params.invert:
        crop = cast("Plane", cv2.bitwise_not(crop))
    if chance[4] < params.noise:
        crop = _add_noise(rng, crop)
    if chance[5] < params.jpeg:
        quality = int(rng.integers(*_JPEG))
        _, packed = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
        crop = cast("Plane", cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
    return crop


def _tone_curve(rng: np.random.Generator) -> Plane:
    """Draw a table of 256 grey levels: gamma, then gain about the middle, then offset."""
    gamma, gain = _GAMMA ** rng.uniform(-1, 1), _GAIN ** rng.uniform(-1, 1)
    levels = np.linspace(0.0, 1.0, 256) ** gamma * 255.0
    levels = (levels - 127.5) * gain + 127.5 + rng.uniform(-_OFFSET, _OFFSET)
    curve: Plane = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return curve


def _shade(rng: np.random.Generator, crop: Plane) -> Plane:
    """Multiply by a smooth field of light."""
    field = 1.0 + rng.uniform(-_SHADE, _SHADE, (3, 3)).astype(np.float32)
    light = cv2.resize(field, crop.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cast("Plane", cv2.multiply(crop, light, dtype=cv2.CV_8U))


def _add_noise(rng: np.random.Generator, crop: Plane) -> Plane:
    """Add Gaussian noise, at times of coarser grain than a pixel."""
    deviation, grain = rng.uniform(*_NOISE), int(rng.integers(1, 3))
    coarse = tuple(-(-side // grain) for side in crop.shape)
    grains = rng.standard_normal(coarse, dtype=np.float32) * np.float32(deviation)
    noise = cv2.resize(grains, crop.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cast("Plane", cv2.add(crop, noise, dtype=cv2.CV_8U))
