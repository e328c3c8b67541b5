"""WebP: the first chunk (RFC 9649, section 2; RFC 6386, section 9.1), decoded by Pillow."""

import struct

from blemish.errors import ImageTypeError
from blemish.imaging import pillow
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.samples import Samples

_ANIMATED = 0x02  # RFC 9649, section 2.7: flags of the VP8X chunk


def read(data: bytes, limits: Limits) -> Samples:
    """Read a still WebP."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 + size % 2 != len(data) and size + 8 != len(data):
        raise corrupt("WEBP", f"it says {size + 8} bytes and has {len(data)}")
    width, height = read_size(data)
    limits.check(width, height)
    return pillow.samples_of(pillow.load("WEBP", data, (width, height)))


def read_size(data: bytes) -> tuple[int, int]:
    """Return width and height by the first chunk."""
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & _ANIMATED:
            raise ImageTypeError(f"An animated WebP; accepted: {ACCEPTED}.")
        return (
            1 + int.from_bytes(data[24:27], "little"),
            1 + int.from_bytes(data[27:30], "little"),
        )
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise corrupt("WEBP", f"it begins with a {kind!r} chunk")
