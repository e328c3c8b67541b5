"""BMP: the core header of OS/2 or the information header of Windows, decoded by Pillow."""

import struct

import numpy as np
import numpy.typing as npt

from blemish.errors import ImageTypeError
from blemish.imaging import pillow
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.samples import Samples

_CORE_HEADER = 12  # bytes
# [MS-WMF] 2.1.1.7, Compression enumeration
_READ = {0: "none", 3: "bit fields", 6: "bit fields with alpha"}
_RUN_LENGTHS = {1: "RLE8", 2: "RLE4"}
_NAMES = {4: "JPEG", 5: "PNG", 11: "CMYK", 12: "CMYK RLE8", 13: "CMYK RLE4"}


def read(data: bytes, limits: Limits) -> Samples:
    """Read a BMP; an alpha channel that is 0 everywhere is one that nobody used."""
    width, height = read_size(data)
    limits.check(width, height)
    compression = 0 if _is_core(data) else struct.unpack_from("<I", data, 30)[0]
    if compression not in _READ | _RUN_LENGTHS:
        name = _NAMES.get(compression, "unknown")
        raise ImageTypeError(
            f"A BMP of compression {compression} ({name}), which no decoder here reads; "
            f"accepted: {ACCEPTED}."
        )
    if compression in _RUN_LENGTHS:
        return Samples(_decode_run_lengths(data, (height, width, 3)), 8)
    image = pillow.load("BMP", data, (width, height))
    if image.mode == "RGBA" and not np.asarray(image.getchannel("A")).any():
        image = image.convert("RGB")
    return pillow.samples_of(image)


def read_size(data: bytes) -> tuple[int, int]:
    """Return width and height by the header; a negative height stores rows from the top."""
    width, height = struct.unpack_from("<HH" if _is_core(data) else "<ii", data, 18)
    return width, abs(height)


def _is_core(data: bytes) -> bool:
    (size,) = struct.unpack_from("<I", data, 14)
    return bool(size == _CORE_HEADER)


def _decode_run_lengths(data: bytes, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Decode run lengths with OpenCV: Pillow takes seconds for a large image, run by run."""
    import cv2  # noqa: PLC0415 - rare, and slow to import

    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # it prints what it cannot read; the refusal says so
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise corrupt("BMP", error.err) from error
    if bgr is None or bgr.shape != shape:
        raise corrupt("BMP", "its run lengths cannot be read")
    return np.ascontiguousarray(bgr[..., ::-1], np.uint8)
