"""The image decoder: bytes in, one grey plane out, or a typed refusal in one sentence.

The command line, the server, the dashboard and the importers all read images through
:func:`decode_image`. It looks at the first bytes, never at a name or a declared type. Each format
has one module that walks the structure of the file, takes the size from what the decoding library
will see, and hands the library only what it has walked. Orientation tags are ignored: coordinates
are those of the image as stored.
"""

from blemish.imaging.decoder import DEFAULT_LIMITS, DecodedImage, decode_image, pixels_by_header
from blemish.imaging.image_limits import ACCEPTED, Limits

__all__ = [
    "ACCEPTED",
    "DEFAULT_LIMITS",
    "DecodedImage",
    "Limits",
    "decode_image",
    "pixels_by_header",
]
