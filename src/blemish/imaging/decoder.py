"""Which format the bytes are, and the way from bytes to one grey plane."""

import struct
from dataclasses import dataclass
from types import ModuleType

from blemish.arrays import Plane
from blemish.errors import ImageContentError, ImageError, ImageSizeError, ImageTypeError
from blemish.files import sha256_bytes
from blemish.imaging import bmp, jpeg, png_chunks, tiff, webp
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.samples import Samples, check_bits, to_plane

DEFAULT_LIMITS = Limits()

_FORMATS: tuple[tuple[str, bytes, ModuleType], ...] = (
    ("PNG", b"\x89PNG\r\n\x1a\n", png_chunks),
    ("JPEG", b"\xff\xd8\xff", jpeg),
    ("BMP", b"BM", bmp),
    ("TIFF", b"II*\0", tiff),
    ("TIFF", b"MM\0*", tiff),
    ("WEBP", b"RIFF", webp),
)
"""Name, first bytes, and the module whose ``read`` and ``read_size`` know the format."""
_NAMED = {b"II+\0": "A BigTIFF", b"MM\0+": "A BigTIFF"}


@dataclass(frozen=True)
class DecodedImage:
    """An image as one grey plane."""

    plane: Plane
    """Shape ``(H, W)``, as stored: no orientation tag applied."""
    width: int
    height: int
    sha256: str
    """SHA-256 of the encoded bytes."""
    format: str
    """PNG, JPEG, BMP, TIFF or WEBP."""
    bits: int = 8
    """Depth of its samples: declared by the file, or given by the caller."""
    warnings: tuple[str, ...] = ()
    """What a person should know of this image, one sentence each."""


def decode_image(
    data: bytes, limits: Limits = DEFAULT_LIMITS, bits: int | None = None
) -> DecodedImage:
    """Decode an image to one grey plane.

    Colour becomes ITU-R BT.601 luma, ``(19595 R + 38470 G + 7471 B + 32768) >> 16``; samples of
    ``n`` bits become 8 by ``round(v * 255 / (2**n - 1))``.

    Args:
        data: The encoded image.
        limits: The largest image to decode.
        bits: Depth of a 16-bit file that declares none, 8 to 16; many cameras store 12 bits so.

    Raises:
        ImageTypeError: The bytes are no still image of an accepted format, or their compression
            or layout is one that no decoder here reads.
        ImageSizeError: The image is larger than the limits.
        ImageContentError: It is corrupt, ambiguous, transparent, CMYK or carries what no image
            needs, or ``bits`` contradicts it.
    """
    check_bits(bits)
    _check_size(data, limits)
    form, known = _find_format(data)
    try:
        samples: Samples = known.read(data, limits)
    except (struct.error, IndexError) as error:
        raise corrupt(form, "it ends too early") from error
    plane, depth, warnings = to_plane(samples, bits)
    height, width = plane.shape
    return DecodedImage(plane, width, height, sha256_bytes(data), form, depth, warnings)


def pixels_by_header(data: bytes) -> int:
    """Return how many pixels an image claims to have; 0 where its header cannot be read.

    For scheduling alone: :func:`decode_image` decides.
    """
    try:
        width, height = _find_format(data)[1].read_size(data)
    except (ImageError, struct.error, IndexError):
        return 0
    return int(width * height)


def _check_size(data: bytes, limits: Limits) -> None:
    if not data:
        raise ImageContentError(f"The image is empty: 0 bytes; accepted: {ACCEPTED}.")
    if len(data) > limits.megabytes * 1_000_000:
        raise ImageSizeError(
            f"The image has {len(data) / 1e6:.1f} MB; at most {limits.megabytes} MB are accepted."
        )


def _find_format(data: bytes) -> tuple[str, ModuleType]:
    for form, magic, known in _FORMATS:
        if data.startswith(magic) and (form != "WEBP" or data[8:12] == b"WEBP"):
            return form, known
    found = _NAMED.get(data[:4], "No image of an accepted format")
    raise ImageTypeError(f"{found}: it begins with {_begin(data)}; accepted: {ACCEPTED}.")


def _begin(data: bytes) -> str:
    """Say in words how a file begins; bytes in hexadecimal tell a person at the line nothing."""
    text = data[:12].decode("latin-1")
    if text.isascii() and text.isprintable():
        return f"the text {text!r}"
    return "bytes with which no accepted format begins"
