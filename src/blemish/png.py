"""Grey PNG of 8 or 16 bit: the one file format of our own sets, byte for byte repeatable."""

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.errors import DataError, ShapeError

GreyPlane = NDArray[np.uint8] | NDArray[np.uint16]
"""Grey levels, shape ``(H, W)``, uint8 or uint16."""

# Run-length matching halves the time of zlib's default on grainy metal and compresses it better.
_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]


def encode_grey(plane: NDArray[Any]) -> bytes:
    """Return a plane as a grey PNG.

    Args:
        plane: Shape ``(H, W)``, uint8 or uint16.

    Raises:
        ShapeError: The plane has another shape or type.
    """
    if plane.ndim != 2 or plane.dtype not in (np.uint8, np.uint16) or plane.size == 0:
        raise ShapeError(
            f"A grey PNG takes a uint8 or uint16 plane (H, W); got {plane.dtype} {plane.shape}."
        )
    _, encoded = cv2.imencode(".png", plane, _OPTIONS)
    return encoded.tobytes()


def decode_grey(data: bytes | NDArray[np.uint8], name: str) -> GreyPlane:
    """Return the plane of a grey PNG written by us.

    Args:
        data: The file's bytes.
        name: What to call the file in an error.

    Returns:
        Shape ``(H, W)``, uint8 or uint16 as stored.

    Raises:
        DataError: The bytes are no readable grey PNG.
    """
    buffer = np.frombuffer(data, np.uint8)
    plane: Any = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED) if buffer.size else None
    if plane is None:
        raise DataError(
            "A file of the set cannot be read; restore it.", [f"{name}: no readable PNG"]
        )
    if plane.ndim != 2:
        raise DataError(
            "A file of the set is not grey; restore it.", [f"{name}: {plane.shape[2]} channels"]
        )
    return cast("GreyPlane", plane)


def read_grey(path: Path) -> GreyPlane:
    """Return the plane of a grey PNG file; see :func:`decode_grey`."""
    return decode_grey(path.read_bytes(), path.name)
