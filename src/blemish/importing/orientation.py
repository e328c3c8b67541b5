"""The EXIF orientation of a photograph, and regions brought back from the image as shown.

Photographs are kept as stored (the image decoder applies no orientation), but most annotation tools
show them turned. A region marked on the turned image is turned back.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.imaging.pillow import DECODER_FAULTS
from blemish.imaging.tiff_directory import Tag, read_directory

_TAG = 0x0112  # Orientation, EXIF 2.32
_TIFF = (b"II*\0", b"MM\0*")
_SIDEWAYS = frozenset({5, 6, 7, 8})  # width and height change places


def read_orientation(data: bytes) -> int:
    """Return the orientation that a photograph declares, 1 (as stored) to 8.

    Args:
        data: An encoded image that the image decoder has accepted.
    """
    value: Any
    if data[:4] in _TIFF:  # Pillow opens fewer of them than the image decoder
        value = next(iter(read_directory(data).all(Tag.ORIENTATION)), 1)
    else:
        try:
            with Image.open(io.BytesIO(data)) as image:
                value = image.getexif().get(_TAG, 1)
        except DECODER_FAULTS:  # metadata that is corrupt turns nothing
            return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def shown_shape(shape: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return height and width of a photograph as a viewer shows it."""
    return (shape[1], shape[0]) if orientation in _SIDEWAYS else shape


def to_stored(shown: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Bring a plane from the image as shown to the image as stored.

    Args:
        shown: Shape ``(H, W)`` as shown.
        orientation: 1 to 8.

    Returns:
        The plane as stored; height and width change places for 5 to 8.
    """
    quarter_turns = {3: 2, 6: 1, 7: 2, 8: 3}.get(orientation, 0)
    plane = np.rot90(shown, quarter_turns)
    if orientation == 2:
        plane = np.fliplr(plane)
    elif orientation == 4:
        plane = np.flipud(plane)
    elif orientation in {5, 7}:
        plane = plane.T
    return np.ascontiguousarray(plane)
