"""BMP: the core header of OS/2 or the information header of Windows, decoded by Pillow."""

import struct

import numpy as np

from blemish.errors import ImageTypeError
from blemish.imaging import pillow
from blemish.imaging.limits import ACCEPTED, Limits
from blemish.imaging.samples import Samples

_CORE_HEADER = 12  # bytes
# [MS-WMF] 2.1.1.7, Compression enumeration
_READ = {0: "none", 3: "bit fields", 6: "bit fields with alpha"}
_NAMES = {1: "RLE8", 2: "RLE4", 4: "JPEG", 5: "PNG", 11: "CMYK", 12: "CMYK RLE8", 13: "CMYK RLE4"}


def read(data: bytes, limits: Limits) -> Samples:
    """Read a BMP; an alpha channel that is 0 everywhere is one that nobody used."""
    (size,) = struct.unpack_from("<I", data, 14)
    core = size == _CORE_HEADER
    width, height = struct.unpack_from("<HH" if core else "<ii", data, 18)
    height = abs(height)  # a negative height stores rows from the top
    limits.check(width, height)
    compression = 0 if core else struct.unpack_from("<I", data, 30)[0]
    if compression not in _READ:
        name = _NAMES.get(compression, "unknown")
        raise ImageTypeError(
            f"A BMP of compression {compression} ({name}), which no decoder here reads; "
            f"accepted: {ACCEPTED}."
        )
    image = pillow.load("BMP", data, (width, height))
    if image.mode == "RGBA" and not np.asarray(image.getchannel("A")).any():
        image = image.convert("RGB")
    return pillow.samples_of(image)
