"""16-bit colour of a PNG, of which Pillow alone would keep the upper 8 bits.

A PNG filters bytes, each by those of the pixel before and the row above at the same place in the
pixel (W3C PNG, section 9.2). So the bytes at one place of all pixels are an 8-bit grey image with
the same filters: one such image for each place is written here and read by Pillow.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from blemish.imaging import pillow
from blemish.imaging.image_limits import corrupt

# Section 8.1, Adam7: the first row and column of each pass, and the steps to the next
_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
_WHOLE = ((0, 0, 1, 1),)


def decode_deep(
    data: bytes, width: int, height: int, channels: int, *, interlaced: bool
) -> npt.NDArray[np.uint16]:
    """Decode image data of 16 bits a channel.

    Args:
        data: The contents of all IDAT chunks.
        width: In pixels.
        height: In pixels.
        channels: 2 to 4.
        interlaced: By Adam7.

    Returns:
        Shape ``(height, width, channels)``.

    Raises:
        ImageContentError: The data are corrupt.
    """
    sizes = list(_passes(width, height, interlaced=interlaced))
    raw = _inflate(data, sum(rows * (1 + columns * channels * 2) for rows, columns in sizes))
    deep = np.zeros((height, width, channels), np.uint16)
    for place in range(channels * 2):
        parts = _single_bytes(raw, sizes, place, channels * 2)
        file = _write_grey(b"".join(parts), width, height, interlaced=interlaced)
        level = np.asarray(pillow.load("PNG", file, (width, height)), np.uint16)
        deep[..., place // 2] |= level if place % 2 else level << 8
    return deep


def _single_bytes(
    raw: npt.NDArray[np.uint8], sizes: Iterable[tuple[int, int]], place: int, pixel: int
) -> Iterator[bytes]:
    """Yield the rows of each pass with one byte of each pixel, filter bytes before them."""
    begin = 0
    for rows, columns in sizes:
        end = begin + rows * (1 + columns * pixel)
        block = raw[begin:end].reshape(rows, -1)
        yield np.hstack([block[:, :1], block[:, 1 + place :: pixel]]).tobytes()
        begin = end


def _passes(width: int, height: int, *, interlaced: bool) -> Iterator[tuple[int, int]]:
    """Yield rows and columns of each pass that has any."""
    for top, left, down, right in _ADAM7 if interlaced else _WHOLE:
        rows, columns = -((top - height) // down), -((left - width) // right)
        if rows > 0 and columns > 0:
            yield rows, columns


def _inflate(data: bytes, size: int) -> npt.NDArray[np.uint8]:
    """Unpack exactly so many bytes, and never more."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise corrupt("PNG", str(error)) from error
    if len(raw) != size:
        raise corrupt("PNG", f"its data unpack to {len(raw)} bytes or more, not to {size}")
    return np.frombuffer(raw, np.uint8)


def _write_grey(filtered: bytes, width: int, height: int, *, interlaced: bool) -> bytes:
    """Write a PNG of 8-bit grey from rows that are filtered already."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
