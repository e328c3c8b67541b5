"""The one preprocessing, for training, serving and the dashboard: any image to one grey plane.

The model normalises inside its own graph, so nothing here touches grey levels but for the change
to 8 bit. Only size is a choice: ``none`` keeps the native scale, ``{"scale": F}`` applies one
factor, ``fit`` brings the whole image to the model's size without stretching it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Map, Plane
from blemish.config.preprocess import Scale
from blemish.errors import ParamsError, ShapeError
from blemish.greys import to_8_bit, to_luma

MODEL_SIZE = 256
"""Side of the model's tile in pixels, and the longer side of an image under ``fit``."""

Resize = Literal["none", "fit"] | Scale


@dataclass(frozen=True)
class Resizing:
    """How images are brought to the scale at which the model works, and answers back.

    Args:
        resize: ``none``, ``fit``, or a :class:`~blemish.config.preprocess.Scale`.
        size: The longer side under ``fit``, in pixels.
    """

    resize: Resize = "none"
    size: int = MODEL_SIZE

    @classmethod
    def from_json(cls, text: str, size: int = MODEL_SIZE) -> "Resizing":
        """Read what a model file says of itself: ``"none"``, ``"fit"`` or ``{"scale": F}``.

        Raises:
            ParamsError: The text says something else.
        """
        try:
            value = json.loads(text)
            if value in ("none", "fit"):
                return cls(value, size)
            if isinstance(value, Mapping):
                return cls(Scale.model_validate(value), size)
        except ValueError as error:
            raise ParamsError(f"Resize {text!r} is not accepted: {error}") from error
        raise ParamsError(f'Resize {text!r} is not accepted: none, fit or {{"scale": F}} is.')

    def to_json(self) -> str:
        """Return the choice as it travels in a model file."""
        return json.dumps(self.resize if isinstance(self.resize, str) else self.resize.model_dump())

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width, at least 1, that an image of a given size is brought to."""
        if self.resize == "none":
            return height, width
        factor = self.size / max(height, width)
        if not isinstance(self.resize, str):
            factor = self.resize.scale
        return max(1, round(height * factor)), max(1, round(width * factor))

    def instances(self, instances: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Bring an instance map ``(H, W)`` to the same scale; each pixel keeps one label."""
        height, width = self.target(*instances.shape)
        if (height, width) == instances.shape:
            return instances
        nearest = cv2.resize(instances, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(nearest, np.uint16)

    def restore(self, probability: Map, height: int, width: int) -> Map:
        """Bring a probability map back to the size of the image as stored.

        Args:
            probability: Shape ``target(height, width)``, in ``[0, 1]``.
            height: Of the image as stored, in pixels.
            width: Of the image as stored, in pixels.

        Returns:
            Shape ``(height, width)``, float32 in ``[0, 1]``.

        Raises:
            ShapeError: The map does not belong to an image of that size.
        """
        if probability.shape != self.target(height, width):
            raise ShapeError(
                f"A map {probability.shape} is not that of an image {height} x {width}; "
                f"accepted: {self.target(height, width)}."
            )
        if probability.shape == (height, width):
            return probability
        restored = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(restored, np.float32)


NATIVE = Resizing()
"""No resizing."""


def preprocess_image(
    image: NDArray[np.uint8] | NDArray[np.uint16], resizing: Resizing = NATIVE
) -> Plane:
    """Bring any image to the one grey plane that the model sees.

    The ``preprocess`` stage, the server, the command line and the dashboard all come through here.

    Args:
        image: Shape ``(H, W)``, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGB with an alpha that is
            opaque; uint8 or uint16.
        resizing: The scale at which the model works; native by default.

    Returns:
        Shape ``resizing.target(H, W)``, uint8: ITU-R BT.601 luma, 16 bit scaled by
        ``round(v / 257)``; areas averaged where it shrinks, interpolated where it grows.

    Raises:
        ShapeError: The image has another shape or type, or transparent pixels.
    """
    plane = _to_plane(image)
    height, width = resizing.target(*plane.shape)
    if (height, width) == plane.shape:
        return plane
    shrinks = height * width < plane.size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (width, height), interpolation=method), np.uint8)


def _to_plane(image: NDArray[Any]) -> Plane:
    if image.dtype not in (np.uint8, np.uint16):
        raise ShapeError(f"An image of {image.dtype} was given; accepted: uint8 or uint16.")
    if image.size == 0 or image.shape[2:] not in ((), (3,), (4,)) or image.ndim < 2:
        raise ShapeError(f"An image of shape {image.shape} was given; accepted: (H, W[, 3 or 4]).")
    levels = to_8_bit(image, 8 * image.dtype.itemsize)
    if levels.ndim == 2:
        return levels
    if levels.shape[2] == 4 and int(levels[..., 3].min()) < 255:
        raise ShapeError("An image with transparent pixels was given; accepted: an opaque one.")
    return to_luma(levels[..., :3])
