"""Images of what a model says: heatmap, overlays, panels, PNG bytes.

Every colour is told apart by colour-blind eyes: the heatmap is perceptually uniform (inferno), the
overlay takes its three colours from Okabe and Ito (2008), "Color Universal Design".
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from blemish.arrays import Map, Mask, Plane
from blemish.errors import ShapeError

RgbImage = npt.NDArray[np.uint8]

TRUE_POSITIVE = (0, 158, 115)  # bluish green: found
FALSE_POSITIVE = (213, 94, 0)  # vermillion: a false mark
FALSE_NEGATIVE = (86, 180, 233)  # sky blue: missed
OUTLINE = (240, 228, 66)  # yellow

_SIDE_PER_OUTLINE_PIXEL = 512
_PNG_COMPRESSION = 6
_GAP = 4


def create_heatmap(probability: Map) -> RgbImage:
    """Colour a probability map, dark violet for 0 to pale yellow for 1.

    Args:
        probability: Shape ``(H, W)``, floating, clipped to ``[0, 1]``.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8.

    Raises:
        ShapeError: Not two-dimensional, not floating, empty, or not finite.
    """
    if probability.ndim != 2 or probability.dtype.kind != "f" or probability.size == 0:
        raise ShapeError(
            f"A heatmap needs a floating map of shape (H, W), not {probability.dtype} of shape "
            f"{probability.shape}."
        )
    if not np.isfinite(probability).all():
        raise ShapeError("A heatmap needs finite probabilities; the map holds NaN or infinity.")
    levels = np.rint(np.clip(probability, 0.0, 1.0) * 255).astype(np.uint8)
    coloured: RgbImage = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), np.uint8)
    return _swap_red_blue(coloured)


def overlay_truth(plane: Plane, predicted: Mask, truth: Mask, opacity: float = 0.65) -> RgbImage:
    """Paint what was found, marked falsely and missed over an image.

    Args:
        plane: The image, shape ``(H, W)``, uint8.
        predicted: Same shape, bool.
        truth: Same shape, bool.
        opacity: Of the colours, in ``[0, 1]``.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8: found in green, false marks in vermillion, missed in blue.

    Raises:
        ShapeError: The shapes differ, or the types are others.
    """
    _check(plane, predicted, truth)
    image = _to_rgb(plane)
    parts = (
        (predicted & truth, TRUE_POSITIVE),
        (predicted & ~truth, FALSE_POSITIVE),
        (truth & ~predicted, FALSE_NEGATIVE),
    )
    for where, colour in parts:
        mixed = image[where] * (1 - opacity) + np.asarray(colour, np.float32) * opacity
        image[where] = np.rint(mixed).astype(np.uint8)
    return image


def overlay_outline(plane: Plane, mask: Mask) -> RgbImage:
    """Draw the outline of a mask, just outside it so that thin defects stay visible.

    Args:
        plane: The image, shape ``(H, W)``, uint8.
        mask: Same shape, bool.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8; the line grows with the image, one pixel per 512.

    Raises:
        ShapeError: The shapes differ, or the types are others.
    """
    _check(plane, mask)
    image = _to_rgb(plane)
    thickness = max(1, round(max(plane.shape) / _SIDE_PER_OUTLINE_PIXEL))
    kernel = np.ones((2 * thickness + 1, 2 * thickness + 1), np.uint8)
    inside = mask.astype(np.uint8)
    image[cv2.dilate(inside, kernel) > inside] = OUTLINE
    return image


def side_by_side(panes: Sequence[npt.NDArray[np.uint8]]) -> RgbImage:
    """Lay images of one height beside each other, a white gap between them.

    Args:
        panes: Grey ``(H, W)`` or RGB ``(H, W, 3)``, uint8.

    Returns:
        RGB, uint8.

    Raises:
        ShapeError: None given, or the heights differ.
    """
    if len({pane.shape[0] for pane in panes}) != 1:
        shapes = ", ".join(str(pane.shape) for pane in panes)
        raise ShapeError(f"Panes need one height; got {shapes or 'none'}.")
    gap = np.full((panes[0].shape[0], _GAP, 3), 255, np.uint8)
    row = [piece for pane in panes for piece in (gap, _to_rgb(pane))]
    return np.concatenate(row[1:], axis=1)


def encode_png(array: npt.NDArray[np.uint8] | Mask) -> bytes:
    """Encode as PNG; the same pixels give the same bytes.

    Args:
        array: Grey ``(H, W)`` or RGB ``(H, W, 3)``, uint8; a bool mask is written as 0/255.

    Raises:
        ShapeError: Another shape or type, or no pixel.
    """
    shaped = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype not in (np.uint8, np.bool_) or not shaped or array.size == 0:
        raise ShapeError(
            f"A PNG needs uint8 of shape (H, W) or (H, W, 3), or a bool mask, not {array.dtype} "
            f"of shape {array.shape}."
        )
    pixels = array.astype(np.uint8) * np.uint8(255 if array.dtype == np.bool_ else 1)
    ordered = pixels if pixels.ndim == 2 else _swap_red_blue(pixels)
    options = [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(ordered), options)
    if not done:
        raise ShapeError(f"The PNG encoder refused an array of shape {array.shape}.")
    return encoded.tobytes()


def _to_rgb(pane: npt.NDArray[np.uint8]) -> RgbImage:
    return np.repeat(pane[:, :, None], 3, axis=2) if pane.ndim == 2 else pane.copy()


def _swap_red_blue(image: npt.NDArray[np.uint8]) -> RgbImage:
    """RGB to OpenCV's BGR, or back."""
    return np.ascontiguousarray(image[:, :, ::-1])


def _check(plane: Plane, *masks: Mask) -> None:
    if plane.ndim != 2 or plane.dtype != np.uint8:
        raise ShapeError(
            f"An overlay needs a uint8 image of shape (H, W), not {plane.dtype} of shape "
            f"{plane.shape}."
        )
    for mask in masks:
        if mask.shape != plane.shape or mask.dtype != np.bool_:
            raise ShapeError(
                f"An overlay on an image of shape {plane.shape} needs bool masks of that shape, "
                f"not {mask.dtype} of shape {mask.shape}."
            )
