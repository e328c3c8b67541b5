"""Decoding with Pillow, as one format only and at one size only."""

import functools
import io
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
from PIL import BmpImagePlugin, Image, ImageFile, PngImagePlugin, WebPImagePlugin

from blemish.errors import ImageContentError
from blemish.imaging.image_limits import corrupt
from blemish.imaging.samples import Samples, check_opaque

# What Pillow and OpenCV raise on corrupt images, by their documentation and by fuzzing.
DECODER_FAULTS = (
    OSError,
    ValueError,
    SyntaxError,
    ArithmeticError,
    AssertionError,
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
# The plugins themselves: Image.open warns of sizes above its own limit, and ours is lower.
_PLUGINS: dict[str, Callable[[io.BytesIO, str], ImageFile.ImageFile]] = {
    "BMP": BmpImagePlugin.BmpImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
_MODES = frozenset({"1", "L", "P", "RGB", "RGBA", "LA", "PA", "RGBX", "I;16", "I;16B"})


def load(form: str, data: bytes, size: tuple[int, int]) -> Image.Image:
    """Decode an image, if it has the size that its header says.

    Args:
        form: ``BMP``, ``PNG`` or ``WEBP``.
        data: The encoded image.
        size: Width and height, within the limits; no other is decoded.

    Raises:
        ImageContentError: Pillow cannot read it.
    """
    _silence()
    try:
        with _PLUGINS[form](io.BytesIO(data), "") as image:
            if image.size != size:
                raise corrupt(form, f"it has two sizes, {size} and {image.size}")
            image.load()
            return image
    except DECODER_FAULTS as error:
        raise corrupt(form, str(error) or type(error).__name__) from error


@functools.cache
def _silence() -> None:
    """Keep Pillow from writing to stderr what it finds odd in metadata that nobody asked for."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def samples_of(image: Image.Image) -> Samples:
    """Return the samples of a decoded image of 8 or 16 bits.

    Raises:
        ImageContentError: It is transparent, or has a mode that is neither grey nor RGB.
    """
    if image.mode not in _MODES:
        raise ImageContentError(
            f"An image of mode {image.mode}; accepted are grey and RGB of 8 or 16 bits."
        )
    if image.mode.startswith("I;16"):
        return Samples(np.asarray(image).astype(np.uint16), None)
    if image.has_transparency_data:
        # Reaches keyed colours and palettes too, whose alpha appears only in the conversion.
        image = image.convert("RGBA")
        check_opaque(np.asarray(image.getchannel("A")), 255)
    if image.mode in {"P", "PA", "RGBA", "RGBX"}:
        image = image.convert("RGB")
    elif image.mode in {"1", "LA"}:
        image = image.convert("L")
    return Samples(np.asarray(image), 8)
