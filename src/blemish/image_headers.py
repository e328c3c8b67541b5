"""What the first bytes of a picture say: its format and its size, before anything is decoded."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from blemish.errors import ImageContentError, ImageSizeError, ImageTypeError

if TYPE_CHECKING:
    from blemish.config.serve import Serve

ACCEPTED = "PNG, JPEG, BMP, single-page TIFF or still WebP, 8 or 16 bit"

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_COMPRESSED_TEXT = (b"zTXt", b"iTXt", b"iCCP")
_PNG_TEXT_LIMIT = 4 << 20  # bytes; colour profiles of printers come to about 2 MB
_JPEG_LONE_MARKERS = (0x01, *range(0xD0, 0xD9))  # T.81 table B.1: no length follows
_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # T.81 table B.1: SOFn
# TIFF 6.0, part 1, section 8, and part 2, section 15
_TIFF_WIDTH, _TIFF_LENGTH = 256, 257
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_ORIENTATION, _TIFF_CHANNELS = 258, 262, 274, 277
_TIFF_TILE_WIDTH, _TIFF_TILE_LENGTH = 322, 323
_WEBP_ANIMATED = 0x02  # RFC 9649, section 2.7: flags of the VP8X chunk


@dataclass(frozen=True)
class Limits:
    """The largest picture that is decoded."""

    megabytes: int = 32
    """Of the encoded bytes, 1 MB being 1,000,000 bytes."""
    megapixels: int = 50
    """Of width times height."""
    side: int = 16_384
    """Of width and of height, pixels."""

    @classmethod
    def of(cls, serve: "Serve") -> Self:
        """Take the limits that ``params.yaml`` sets."""
        return cls(serve.megabytes, serve.megapixels, serve.side)


@dataclass(frozen=True)
class Header:
    """What the first bytes say."""

    format: str
    width: int
    height: int
    deep_colour: bool = False
    """Colour or alpha with 16 bits a channel, which Pillow would cut to 8."""
    white_is_zero: bool = False
    """A TIFF that stores ink, not light."""
    orientation_at: slice | None = None
    """Where a TIFF says how to turn the picture."""
    one: bytes = b""
    """The number 1 in the byte order of a TIFF: not turned."""


def read_header(data: bytes, limits: Limits) -> Header:
    """Find the format by its magic bytes and read its header, within the limits."""
    reader = _find_reader(data)
    try:
        return reader(data, limits)
    except (struct.error, IndexError) as error:
        raise torn(reader.__name__.rpartition("_")[2].upper(), "it ends too early") from error


def _find_reader(data: bytes) -> Callable[[bytes, Limits], Header]:
    if data.startswith(_PNG_MAGIC):
        return _read_png
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg
    if data.startswith(b"BM"):
        return _read_bmp
    if data.startswith((b"II*\0", b"MM\0*")):
        return _read_tiff
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _read_webp
    raise ImageTypeError(
        f"No picture of an accepted format: it begins with {data[:12].hex(' ')}; "
        f"accepted: {ACCEPTED}."
    )


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise ImageContentError(f"The picture has {width} x {height} pixels; it needs at least 1.")
    if max(width, height) > limits.side or width * height > limits.megapixels * 1_000_000:
        raise ImageSizeError(
            f"The picture has {width} x {height} pixels; accepted are {limits.megapixels} "
            f"megapixels, no side longer than {limits.side}."
        )


def _read_png(data: bytes, limits: Limits) -> Header:
    """Read IHDR, then walk all chunks (W3C PNG, third edition, section 5)."""
    if data[12:16] != b"IHDR":
        raise torn("PNG", "it has no IHDR chunk")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    _check_size(width, height, limits)
    for kind, body in _png_chunks(data):
        if kind == b"acTL":
            raise ImageTypeError(f"An animated PNG; accepted: {ACCEPTED}.")
        if kind in _PNG_COMPRESSED_TEXT:
            _check_png_text(kind, body)
    return Header("PNG", width, height, deep_colour=depth == 16 and colour != 0)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield each chunk's kind and body, checksum verified, up to an IEND that ends the file."""
    view = memoryview(data)
    position = len(_PNG_MAGIC)
    while True:
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(view[position + 4 : end]) != checksum:
            raise torn("PNG", f"the checksum of its {kind!r} chunk is wrong")
        yield kind, view[position + 8 : end]
        position = end + 4
        if kind == b"IEND":
            break
    if position != len(data):
        raise torn("PNG", f"{len(data) - position} bytes follow its end")


def _check_png_text(kind: bytes, body: memoryview) -> None:
    """Refuse a compressed text or profile that unpacks to more than any picture needs."""
    start = bytes(body).find(b"\0") + 1
    stream = bytes(body[start:])
    if kind == b"iTXt":
        if stream[:1] != b"\1":  # not compressed
            return
        stream = stream[1:].split(b"\0", 2)[-1]
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(stream[1:], _PNG_TEXT_LIMIT)
    except zlib.error:
        return  # the decoder judges; a text is not the picture
    if unpacker.unconsumed_tail:
        raise ImageContentError(
            f"The {kind.decode()} chunk of the PNG unpacks to over {_PNG_TEXT_LIMIT >> 20} MB; "
            "save the picture without its comments."
        )


def _read_jpeg(data: bytes, limits: Limits) -> Header:
    """Walk the segments to the frame header (ITU-T T.81, annex B)."""
    position = 2
    while data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _JPEG_LONE_MARKERS:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _JPEG_FRAME_MARKERS:
            height, width, channels = struct.unpack_from(">HHB", data, position + 5)
            _check_size(width, height, limits)
            _check_jpeg(data, channels)
            return Header("JPEG", width, height)
        position += 2 + length
    raise torn("JPEG", "it has no frame header")


def _check_jpeg(data: bytes, channels: int) -> None:
    if channels not in (1, 3):
        raise ImageContentError(
            f"A JPEG of {channels} channels (CMYK?); accepted are grey and RGB."
        )
    if not data.endswith(b"\xff\xd9") and not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise torn("JPEG", "its end marker is missing, or bytes follow it")


def _read_bmp(data: bytes, limits: Limits) -> Header:
    """Read the core header of OS/2 or the information header of Windows."""
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    _check_size(width, abs(height), limits)  # a negative height stores rows from the top
    return Header("BMP", width, abs(height))


def _read_tiff(data: bytes, limits: Limits) -> Header:
    """Read the one directory (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    (following,) = struct.unpack_from(f"{order}I", data, start + 2 + 12 * count)
    if following:
        raise ImageTypeError(f"A TIFF of several pages; accepted: {ACCEPTED}.")
    tags: dict[int, int] = {}
    places: dict[int, int] = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, entry)
        where = entry + 8
        if tag == _TIFF_BITS and values > 2:  # one number a channel does not fit into the entry
            (where,) = struct.unpack_from(f"{order}I", data, where)
        (tags[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, where)
        places[tag] = where
    _check_size(tags.get(_TIFF_TILE_WIDTH, 1), tags.get(_TIFF_TILE_LENGTH, 1), limits)
    _check_size(tags.get(_TIFF_WIDTH, 0), tags.get(_TIFF_LENGTH, 0), limits)
    turned = places.get(_TIFF_ORIENTATION)
    return Header(
        "TIFF",
        tags[_TIFF_WIDTH],
        tags[_TIFF_LENGTH],
        deep_colour=tags.get(_TIFF_BITS) == 16 and tags.get(_TIFF_CHANNELS, 1) > 1,
        white_is_zero=tags.get(_TIFF_PHOTOMETRIC) == 0,
        orientation_at=None if turned is None else slice(turned, turned + 2),
        one=struct.pack(f"{order}H", 1),
    )


def _read_webp(data: bytes, limits: Limits) -> Header:
    """Read the first chunk (RFC 9649, section 2; RFC 6386, section 9.1)."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 + size % 2 != len(data) and size + 8 != len(data):
        raise torn("WEBP", f"it says {size + 8} bytes and has {len(data)}")
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & _WEBP_ANIMATED:
            raise ImageTypeError(f"An animated WebP; accepted: {ACCEPTED}.")
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise torn("WEBP", f"it begins with a {kind!r} chunk")
    _check_size(width, height, limits)
    return Header("WEBP", width, height)


def torn(form: str, fault: str) -> ImageContentError:
    """Return the refusal of a picture of format ``form`` that cannot be read whole."""
    return ImageContentError(f"The {form} is broken: {fault}. Save or send the picture again.")
