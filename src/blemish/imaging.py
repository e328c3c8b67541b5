"""The decode gate: bytes in, one grey plane out, or a typed refusal in one sentence.

The command line, the server, the dashboard and the importers all read pictures through
:func:`decode_image`. It looks at the first bytes, never at a name or a declared type, reads the
size from the header before any decoder allocates a pixel, and refuses whatever is animated,
ambiguous or torn. Orientation tags are ignored: coordinates are those of the picture as stored.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from blemish.errors import ImageContentError, ImageSizeError
from blemish.files import sha256_bytes
from blemish.image_headers import ACCEPTED, Header, Limits, read_header, torn

__all__ = ["ACCEPTED", "DecodedImage", "Limits", "decode_image"]

DEFAULT_LIMITS = Limits()

# What Pillow and OpenCV raise on torn pictures, by their documentation and by fuzzing.
_DECODER_FAULTS = (
    OSError,
    ValueError,
    SyntaxError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
    Warning,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class DecodedImage:
    """A picture as one grey plane."""

    plane: npt.NDArray[np.uint8]
    """Shape ``(H, W)``, as stored: no orientation tag applied."""
    width: int
    height: int
    sha256: str
    """Of the encoded bytes."""
    format: str
    """PNG, JPEG, BMP, TIFF or WEBP."""
    bits: int = 8
    """Depth of its samples: declared by the file, or given by the caller."""
    warnings: tuple[str, ...] = ()
    """What a person should know of this image, one sentence each."""


def decode_image(
    data: bytes, limits: Limits = DEFAULT_LIMITS, bits: int | None = None
) -> DecodedImage:
    """Decode a picture to one grey plane.

    Colour becomes ITU-R BT.601 luma, ``(19595 R + 38470 G + 7471 B + 32768) >> 16``; samples of
    ``n`` bits become 8 by ``round(v * 255 / (2**n - 1))``.

    Args:
        data: The encoded picture.
        limits: The largest picture to decode.
        bits: Depth of the samples of a 16-bit file that declares none, 8 to 16. Many cameras
            store 12 bits that way.

    Raises:
        ImageTypeError: The bytes are no still picture of an accepted format.
        ImageSizeError: The picture is larger than the limits.
        ImageContentError: It is corrupt, transparent, CMYK or carries what no picture needs, or
            ``bits`` contradicts it.
    """
    if bits is not None and not 8 <= bits <= 16:
        raise ImageContentError(f"bits={bits} was given; accepted: 8 to 16.")
    if not data:
        raise ImageContentError(f"The picture is empty: 0 bytes; accepted: {ACCEPTED}.")
    if len(data) > limits.megabytes * 1_000_000:
        raise ImageSizeError(
            f"The picture has {len(data) / 1e6:.1f} MB; at most {limits.megabytes} MB are accepted."
        )
    header = read_header(data, limits)
    decode = _decode_deep_colour if header.deep_colour else _decode
    samples = decode(_upright(data, header), header)
    plane, depth, warnings = _scale(samples, bits)
    if plane.shape != (header.height, header.width):
        raise ImageContentError(
            f"The {header.format} header says {header.width} x {header.height} pixels, its content "
            f"{plane.shape[1]} x {plane.shape[0]}; save the picture again."
        )
    return DecodedImage(
        plane, header.width, header.height, sha256_bytes(data), header.format, depth, warnings
    )


def _scale(
    samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], bits: int | None
) -> tuple[npt.NDArray[np.uint8], int, tuple[str, ...]]:
    """Bring samples to one plane of 8 bits; return it, their depth, and what is odd about them."""
    if samples.dtype == np.uint8:
        if bits not in (None, 8):
            raise ImageContentError(f"bits={bits} was given, but the image has 8 bits a sample.")
        return samples.astype(np.uint8, copy=False), 8, ()
    brightest = int(samples.max())
    if bits is not None and brightest >= 1 << bits:
        raise ImageContentError(
            f"bits={bits} was given, but the brightest sample is {brightest}; at {bits} bits at "
            f"most {(1 << bits) - 1} is accepted. Leave bits out, or give the depth of the camera."
        )
    depth = bits or 16
    plane = _to_8_bit(samples.astype(np.uint16, copy=False), depth)
    if plane.ndim == 3:
        plane = np.array(Image.fromarray(plane, "RGB").convert("L"), dtype=np.uint8)
    used = max(brightest.bit_length(), 8)
    if bits is None and used < 16:
        warning = (
            f"The brightest sample of this 16-bit image is {brightest}: the top {16 - used} bits "
            f"are never used. If its camera has {used} bits, give bits={used}."
        )
        return plane, depth, (warning,)
    return plane, depth, ()


def _upright(data: bytes, header: Header) -> bytes:
    """Blank the orientation of a TIFF, which both decoders would otherwise apply."""
    at = header.orientation_at
    return data if at is None else data[: at.start] + header.one + data[at.stop :]


def _decode(data: bytes, header: Header) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Decode with Pillow, only as the format that the header named."""
    try:
        with Image.open(io.BytesIO(data), formats=(header.format,)) as image:
            image.load()
            return _to_grey(image, header)
    except _DECODER_FAULTS as error:
        raise torn(header.format, str(error) or type(error).__name__) from error


def _to_grey(image: Image.Image, header: Header) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    if image.has_transparency_data and image.mode != "I;16":
        # Reaches keyed colours and palettes too, whose alpha appears only in the conversion.
        image = image.convert("RGBA")
        _check_opaque(np.asarray(image.getchannel("A")), 255)
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16, copy=False)
        if (key := image.info.get("transparency")) is not None and bool((deep == key).any()):
            raise _transparent()
        return 65535 - deep if header.white_is_zero else deep  # Pillow leaves the ink
    if image.mode not in {"1", "L", "P", "RGB", "RGBA", "LA", "PA", "RGBX", "YCbCr"}:
        raise ImageContentError(
            f"A picture of mode {image.mode}; accepted are grey and RGB of 8 or 16 bits."
        )
    if image.mode in {"P", "PA", "YCbCr"}:
        image = image.convert("RGB")
    return np.array(image.convert("L"), dtype=np.uint8)


def _decode_deep_colour(data: bytes, header: Header) -> npt.NDArray[np.uint16]:
    """Decode 16-bit colour with OpenCV, since Pillow keeps only the upper 8 bits of it."""
    import cv2  # noqa: PLC0415 - rare, and slow to import

    try:
        deep: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise torn(header.format, error.err) from error
    if deep is None or deep.dtype != np.uint16 or deep.ndim != 3 or deep.shape[2] not in (3, 4):
        raise torn(header.format, "its 16-bit colour cannot be read")
    if deep.shape[2] == 4:
        _check_opaque(deep[..., 3], 65535)
    return np.ascontiguousarray(deep[..., 2::-1])


def _to_8_bit(deep: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint8]:
    """Scale ``0..2**bits - 1`` to 0..255, rounded to the nearest."""
    most = (1 << bits) - 1
    return ((deep.astype(np.uint32) * 510 + most) // (2 * most)).astype(np.uint8)


def _check_opaque(alpha: npt.NDArray[Any], opaque: int) -> None:
    if int(alpha.min()) != opaque:
        raise _transparent()


def _transparent() -> ImageContentError:
    return ImageContentError(
        "The picture has transparent pixels, whose grey is anybody's guess; save it without alpha."
    )
