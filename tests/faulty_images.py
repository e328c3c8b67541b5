"""Images that the image decoder must refuse, and the error each must give."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from blemish.errors import ImageContentError, ImageError, ImageSizeError, ImageTypeError
from blemish.inference import golden_image

MAGIC = b"\x89PNG\r\n\x1a\n"


def grey(height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    """An image with a dark line, of any size."""
    return np.ascontiguousarray(golden_image(256)[:height, 30 : 30 + width])


def encode(
    image: npt.NDArray[np.uint8] | Image.Image, form: str = "PNG", **options: object
) -> bytes:
    opened = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = io.BytesIO()
    opened.save(stream, form, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claim(width: int, height: int) -> bytes:
    """A whole PNG of few bytes that says it has these sides."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def bomb(side: int = 16_000) -> bytes:
    """A true PNG of black pixels that unpacks to 256 MB."""
    packer = zlib.compressobj(9)
    row = bytes(side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_chunk(kind: bytes, body: bytes) -> bytes:
    png = encode(grey())
    return png[:33] + chunk(kind, body) + png[33:]


def _bad_checksum() -> bytes:
    png = bytearray(encode(grey()))
    png[png.index(b"IDAT") + 10] ^= 1
    return bytes(png)


def _cmyk() -> bytes:
    return encode(Image.fromarray(grey()).convert("CMYK"), "JPEG")


def _transparent() -> bytes:
    rgba = np.dstack([grey()] * 3 + [np.full_like(grey(), 255)])
    rgba[0, 0, 3] = 254
    return encode(rgba)


def _keyed() -> bytes:
    return encode(Image.fromarray(grey()), transparency=int(grey()[0, 0]))


def _animated(form: str) -> bytes:
    first, second = (Image.fromarray(plane) for plane in (grey(), grey()[::-1].copy()))
    return encode(first.convert("RGB"), form, save_all=True, append_images=[second.convert("RGB")])


def _deep_transparent() -> bytes:
    deep = np.dstack([grey().astype(np.uint16) * 257] * 4)
    return bytes(cv2.imencode(".png", deep)[1])


def _hdr() -> bytes:
    return bytes(cv2.imencode(".hdr", np.dstack([grey()] * 3).astype(np.float32) / 255)[1])


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, grey())
    return stream.getvalue()


# What a phone appends to its JPEG: the head of an MP4, and bytes that are no markers.
_FILM = b"\0\0\0\x18ftypmp42" + bytes(range(1, 250)) * 20


def _thumbnailed() -> bytes:
    thumbnail = encode(grey(8, 8), "JPEG")
    jpeg = encode(grey(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    return jpeg[:2] + segment + jpeg[2:-2]


def scans(count: int, size: tuple[int, int] | None = None) -> bytes:
    """A progressive JPEG, black where it has a size, that repeats its last scan so often."""
    plane = grey() if size is None else np.zeros(size, np.uint8)
    jpeg = encode(plane, "JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * (count - jpeg.count(b"\xff\xda")) + b"\xff\xd9"


def chunks(count: int, kind: bytes, body: bytes) -> bytes:
    """A PNG with so many chunks of a kind before its data."""
    png = encode(grey())
    return png[:33] + chunk(kind, body) * count + png[33:]


def segments(count: int, kind: bytes = b"\xff\xed\0\2") -> bytes:
    """A JPEG with so many segments of a kind before its frame, empty by default."""
    jpeg = encode(grey(), "JPEG")
    return jpeg[:2] + kind * count + jpeg[2:]


def _no_palette() -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 3, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(2)))
    return MAGIC + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def tiff(*, double: bool = False, rows: int = 48, compression: int = 1) -> bytes:
    """A grey TIFF of one strip, with what may be wrong with it."""
    pixels = grey().tobytes()
    tags = [(256, 64), (257, 48), (258, 8), (259, compression), (262, 1), (273, 0)]
    tags += [(277, 1), (278, rows), (279, len(pixels)), *([(256, 16)] if double else [])]
    data_at = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, data_at if tag == 273 else value) for tag, value in tags
    )
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + pixels


def _directory(tags: dict[int, tuple[int, int, int]], tail: bytes) -> bytes:
    """A TIFF of tags (type, count, value or place), and what follows them."""
    entries = b"".join(struct.pack("<HHII", tag, *rest) for tag, rest in sorted(tags.items()))
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + tail


def _tags(width: int, height: int, compression: int) -> dict[int, tuple[int, int, int]]:
    values = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 277: 1}
    return {tag: (4, 1, value) for tag, value in values.items()}


def _many_values() -> bytes:
    """A TIFF whose tags all have a million values, which share two megabytes of the file."""
    tags = dict.fromkeys((258, 273, 278, 279, 317, 320, 338, 339, 347), (3, 1_000_000, 300))
    return _directory(_tags(64, 48, 1) | tags, bytes(2_000_300))


def _large_tile(rows: int, columns: int = 16, width: int = 16, height: int = 1) -> bytes:
    """A TIFF whose tile holds pixels that no image needs, packed into few bytes."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(columns << 10)) for _ in range(rows >> 10))
    packed += packer.flush()
    at = 8 + 2 + 12 * 10 + 4
    tiles = {322: (4, 1, columns), 323: (4, 1, rows), 324: (4, 1, at), 325: (4, 1, len(packed))}
    return _directory(_tags(width, height, 8) | tiles, packed)


def _tall_strips() -> bytes:
    """A TIFF whose strips of one row are all the same JPEG of many rows."""
    jpeg = encode(np.tile(grey(), (20, 1)), "JPEG")
    count, at = 48, 8 + 2 + 12 * 9 + 4
    strips = {273: (4, count, at), 278: (4, 1, 1), 279: (4, count, at + 4 * count)}
    places = [at + 8 * count] * count + [len(jpeg)] * count
    return _directory(_tags(64, count, 7) | strips, struct.pack(f"<{2 * count}I", *places) + jpeg)


def _bmp_of_jpeg() -> bytes:
    bmp = bytearray(encode(grey(), "BMP"))
    bmp[30] = 4
    return bytes(bmp)


def bmp_of_run_lengths(*, compression: int = 1) -> bytes:
    """A grey BMP in which each pixel is a run of its own."""
    pixels = grey()[::-1]
    rows = [b"".join(bytes([1, int(level)]) for level in row) + b"\0\0" for row in pixels]
    runs = b"".join(rows) + b"\0\1"
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    at = 14 + 40 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", at + len(runs), 0, 0, at)
    size = struct.pack("<IiiHHIIiiII", 40, 64, 48, 1, 8, compression, len(runs), 0, 0, 256, 0)
    return head + size + palette + runs


def _deep_jpeg() -> bytes:
    jpeg = bytearray(encode(grey(), "JPEG"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = 12
    return bytes(jpeg)


TEXTS = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
    "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "pnm": b"P5\n4 4\n255\n" + bytes(16),
}

CASES: dict[str, tuple[type[ImageError], Callable[[], bytes]]] = {
    "empty": (ImageContentError, lambda: b""),
    "PNG header only": (ImageContentError, lambda: encode(grey())[:33]),
    "PNG magic only": (ImageContentError, lambda: MAGIC),
    "PNG cut in half": (ImageContentError, lambda: encode(grey())[: len(encode(grey())) // 2]),
    "PNG with a bad IDAT checksum": (ImageContentError, _bad_checksum),
    "PNG without IEND": (ImageContentError, lambda: encode(grey())[:-12]),
    "PNG without IDAT": (
        ImageContentError,
        lambda: encode(grey())[:33] + chunk(b"IEND", b""),
    ),
    "JPEG minus its last 2 bytes": (ImageContentError, lambda: encode(grey(), "JPEG")[:-2]),
    "0 x 0": (ImageContentError, lambda: claim(0, 0)),
    "random bytes": (ImageTypeError, lambda: np.random.default_rng(1).bytes(4096)),
    "SVG": (ImageTypeError, lambda: TEXTS["svg"]),
    "PDF": (ImageTypeError, lambda: TEXTS["pdf"]),
    "EPS": (ImageTypeError, lambda: TEXTS["eps"]),
    "NPY": (ImageTypeError, _npy),
    "JPEG 2000": (ImageTypeError, lambda: encode(grey(), "JPEG2000")),
    "AVIF": (ImageTypeError, lambda: encode(Image.fromarray(grey()).convert("RGB"), "AVIF")),
    "HDR": (ImageTypeError, _hdr),
    "PNM": (ImageTypeError, lambda: TEXTS["pnm"]),
    "GIF": (ImageTypeError, lambda: encode(grey(), "GIF")),
    "animated GIF": (ImageTypeError, lambda: _animated("GIF")),
    "animated PNG": (ImageTypeError, lambda: _animated("PNG")),
    "animated WebP": (ImageTypeError, lambda: _animated("WEBP")),
    "multipage TIFF": (ImageTypeError, lambda: _animated("TIFF")),
    "claims 2^31-1": (ImageSizeError, lambda: claim(2**31 - 1, 2**31 - 1)),
    "claims 30,000 square": (ImageSizeError, lambda: claim(30_000, 30_000)),
    "bomb of 16,000 square": (ImageSizeError, bomb),
    "1,000,000 x 16": (ImageSizeError, lambda: claim(1_000_000, 16)),
    "zTXt that unpacks to 200 MB": (
        ImageContentError,
        lambda: with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)),
    ),
    "CMYK JPEG": (ImageContentError, _cmyk),
    "RGBA with a transparent pixel": (ImageContentError, _transparent),
    "16-bit RGBA with transparency": (ImageContentError, _deep_transparent),
    "grey with a transparent level": (ImageContentError, _keyed),
    "PNG with a ZIP tail": (ImageContentError, lambda: encode(grey()) + b"PK\x05\x06" + bytes(18)),
    "PNG with an HTML tail": (ImageContentError, lambda: encode(grey()) + b"<script>1</script>"),
    "JPEG without its end marker, with a thumbnail": (ImageContentError, _thumbnailed),
    "JPEG without its end marker, then another JPEG": (
        ImageContentError,
        lambda: encode(grey(), "JPEG")[:-2] + encode(grey(), "JPEG"),
    ),
    "JPEG without its end marker, then a film with one": (
        ImageContentError,
        lambda: encode(grey(), "JPEG")[:-2] + _FILM + b"\xff\xd9",
    ),
    "JPEG cut in half, then an end marker": (
        ImageContentError,
        lambda: encode(grey(), "JPEG")[:-200] + b"\xff\xd9",
    ),
    "JPEG of 101 scans": (ImageContentError, lambda: scans(101)),
    "JPEG of 100 scans of 12 megapixels": (ImageContentError, lambda: scans(100, (3400, 3400))),
    "JPEG of a million segments": (ImageContentError, lambda: segments(1_000_000)),
    "JPEG of a million lone markers": (
        ImageContentError,
        lambda: segments(1_000_000, b"\xff\x01"),
    ),
    "PNG of 1,001 texts": (ImageContentError, lambda: chunks(1_001, b"tEXt", b"a\0b")),
    "PNG of 3,000 empty IDAT": (ImageContentError, lambda: chunks(3_000, b"IDAT", b"")),
    "palette PNG without PLTE": (ImageContentError, _no_palette),
    "PNG with two IHDR": (ImageContentError, lambda: with_chunk(b"IHDR", claim(16, 16)[16:29])),
    "TIFF with two widths": (ImageContentError, lambda: tiff(double=True)),
    "TIFF with too few strips": (ImageContentError, lambda: tiff(rows=7)),
    "TIFF of a million values a tag": (ImageContentError, _many_values),
    "TIFF whose tile is a bomb": (ImageSizeError, lambda: _large_tile(1 << 22)),
    "TIFF whose tiles are a bomb": (ImageSizeError, lambda: _large_tile(8192, 5000, 5001, 8193)),
    "TIFF of strips taller than they say": (ImageContentError, _tall_strips),
    "BMP of unknown compression": (ImageTypeError, _bmp_of_jpeg),
    "BigTIFF": (ImageTypeError, lambda: tiff().replace(b"II*\0", b"II+\0")),
    "TIFF of JPEG 2000": (ImageTypeError, lambda: tiff(compression=34712)),
    "JPEG of 12 bits": (ImageTypeError, _deep_jpeg),
    "WebP cut in half": (
        ImageContentError,
        lambda: encode(Image.fromarray(grey()).convert("RGB"), "WEBP")[:-40],
    ),
    "TIFF cut in half": (ImageContentError, lambda: encode(grey(), "TIFF")[:200]),
    "BMP cut in half": (ImageContentError, lambda: encode(grey(), "BMP")[:2000]),
    "float TIFF": (
        ImageContentError,
        lambda: encode(Image.fromarray(grey().astype(np.float32)), "TIFF"),
    ),
}
"""Name of each: the error, and what makes the bytes."""


def same_image() -> Iterator[tuple[str, bytes]]:
    """Yield encodings of one grey image that must all give the same answer."""
    image = Image.fromarray(grey())
    for mode in ("L", "RGB", "RGBA", "LA", "P"):
        yield f"PNG {mode}", encode(image.convert(mode))
    yield "PNG 16 bit", encode(Image.fromarray(grey().astype(np.uint16) * 257))
    colour = np.dstack([grey().astype(np.uint16) * 257] * 3)
    yield "PNG 16-bit colour", bytes(cv2.imencode(".png", colour)[1])
    yield "PNG interlaced", bytes(encode(image))
    yield "BMP run lengths", bmp_of_run_lengths()
    for form in ("BMP", "TIFF"):
        yield form, encode(image, form)
    yield "TIFF packed", encode(image, "TIFF", compression="tiff_lzw")
    yield "WebP", encode(image.convert("RGB"), "WEBP", lossless=True)
