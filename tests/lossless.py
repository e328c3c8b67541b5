"""Lossless encodings of the same samples, by Pillow, OpenCV, tifffile with imagecodecs, and here.

Each writer yields the name of an encoding, its bytes, and the depth that a caller must give with
it, which is None where the file declares its own.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from faulty_images import MAGIC, chunk, encode
from PIL import Image

Samples = npt.NDArray[np.uint16]
Encoding = tuple[str, bytes, int | None]

PILLOW_TIFF = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma")
OPENCV_TIFF = (1, 5, 8, 32773, 32946)
TIFFFILE = (None, "lzw", "zlib", "adobe_deflate", "packbits", "zstd", "lzma")


def expected(samples: Samples, bits: int) -> npt.NDArray[np.uint8]:
    """Return the plane by the documented formulas, in floating point and in Python's integers."""
    levels = np.round(samples.astype(np.float64) * 255 / (2**bits - 1)).astype(np.int64)
    if levels.ndim == 2:
        return levels.astype(np.uint8)
    red, green, blue = np.moveaxis(levels, 2, 0)
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(np.uint8)


def with_opaque(samples: Samples, opaque: int) -> Samples:
    """Add an alpha channel that is opaque everywhere."""
    stacked = samples if samples.ndim == 3 else samples[..., None]
    return np.concatenate([stacked, np.full_like(stacked[..., :1], opaque)], axis=2)


def by_pillow(samples: Samples, bits: int) -> Iterator[Encoding]:
    """Yield 8-bit grey and colour in all formats, and 16-bit grey."""
    if bits > 8:
        if samples.ndim == 2:
            yield "PNG 16", encode(samples), bits
            for compression in PILLOW_TIFF:
                yield (
                    f"TIFF 16 {compression}",
                    encode(samples, "TIFF", compression=compression),
                    bits,
                )
        return
    image = Image.fromarray(samples.astype(np.uint8))
    colour = image.convert("RGB")
    yield "PNG", encode(image), None
    yield "PNG RGB", encode(colour), None
    yield "PNG RGBA", encode(colour.convert("RGBA")), 8
    yield "BMP", encode(image, "BMP"), None
    yield "BMP RGB", encode(colour, "BMP"), None
    yield "WebP", encode(colour, "WEBP", lossless=True, exact=True), None
    for compression in PILLOW_TIFF:
        yield f"TIFF {compression}", encode(image, "TIFF", compression=compression), None
        yield f"TIFF RGB {compression}", encode(colour, "TIFF", compression=compression), 8
    if image.mode == "L":
        yield "PNG LA", encode(image.convert("LA")), None
        yield "PNG P", encode(image.convert("P")), None
        yield "TIFF P", encode(image.convert("P"), "TIFF", compression="tiff_lzw"), None
        yield "BMP P", encode(image.convert("P"), "BMP"), None


def by_opencv(samples: Samples, bits: int) -> Iterator[Encoding]:
    """Yield 8-bit and 16-bit grey and colour, with alpha too."""
    values = samples.astype(np.uint8) if bits == 8 else samples
    given = None if bits == 8 else bits
    colour = values if values.ndim == 3 else np.dstack([values] * 3)
    opaque = np.full_like(
        values if values.ndim == 2 else values[..., 0], np.iinfo(values.dtype).max
    )
    forms = {"": values if values.ndim == 2 else values[..., ::-1]}
    forms[" alpha"] = np.dstack([colour[..., ::-1], opaque])
    for name, form in forms.items():
        turned = np.ascontiguousarray(form)
        yield f"PNG{name}", bytes(cv2.imencode(".png", turned)[1]), given
        for number in OPENCV_TIFF:
            options = [cv2.IMWRITE_TIFF_COMPRESSION, number]
            yield f"TIFF{name} {number}", bytes(cv2.imencode(".tif", turned, options)[1]), given
        if bits == 8:
            yield f"BMP{name}", bytes(cv2.imencode(".bmp", turned)[1]), given


def by_tifffile(samples: Samples, bits: int, draw: Callable[..., object]) -> Iterator[Encoding]:
    """Yield TIFF of any depth, planes, byte orders, tiles and compressions, chosen by ``draw``."""
    container = np.uint8 if bits <= 8 else np.uint16
    values = samples.astype(container)
    for compression in TIFFFILE:
        colour = values.ndim == 3
        packed = draw("packed", [False, True]) and bits not in (8, 16)
        ink = not colour and draw("ink", [False, True])
        stored = (2**bits - 1 - values).astype(container) if ink else values
        planar = colour and draw("planar", [False, True])
        alpha = colour and not packed and draw("alpha", [False, True])
        if alpha:
            stored = with_opaque(stored, np.iinfo(container).max)
        if planar:
            stored = np.moveaxis(stored, 2, 0)
        # tifffile 2026.3 packs samples of the other byte order wrongly where it does not compress.
        orders = ["<"] if packed and not compression else ["<", ">"]
        options: dict[str, object] = {
            "photometric": "rgb" if colour else "miniswhite" if ink else "minisblack",
            "planarconfig": ("separate" if planar else "contig") if colour else None,
            "byteorder": draw("order", orders),
            "compression": compression,
            "extrasamples": ["unassalpha"] if alpha else None,
            "metadata": None,
        }
        if packed:
            options["bitspersample"] = bits
        elif compression and draw("predictor", [False, True]):
            options["predictor"] = True
        if draw("tiled", [False, True]):
            options["tile"] = (16, 32)
        elif draw("strips", [False, True]):
            options["rowsperstrip"] = 3
        options["extratags"] = [(274, 3, 1, draw("orientation", list(range(1, 9))), True)]
        stream = io.BytesIO()
        try:
            tifffile.imwrite(stream, np.ascontiguousarray(stored), **options)
        except (ValueError, NotImplementedError):  # a combination that tifffile does not write
            continue
        declared = packed or bits == 8
        yield f"TIFF {options}", stream.getvalue(), None if declared else bits


def by_hand(samples: Samples, bits: int) -> Iterator[Encoding]:
    """Yield packed TIFF, and 16-bit PNG that declare their depth, as they are or scaled up."""
    for order in "<>":
        yield f"TIFF packed {order}", _packed_tiff(samples, bits, order), None if bits < 16 else 16
    channels = 3 if samples.ndim == 3 else 1
    significant = chunk(b"sBIT", bytes([bits]) * channels)
    wide = samples.astype(np.uint32)
    zeros = wide << (16 - bits)
    forms = {"as they are": wide}
    if int(zeros.max()) >= 2**bits or bits == 16:  # darker ones cannot be told apart
        forms |= {
            "zeros below": zeros,
            "bits repeated": zeros | wide >> (2 * bits - 16),
            "by ratio": np.round(wide * (65535 / (2**bits - 1))).astype(np.uint32),
        }
    plain = wide.astype(">u2")
    yield "PNG interlaced", _png16(plain, channels, significant, interlaced=True), None
    for name, values in forms.items():
        yield f"PNG sBIT {bits}, {name}", _png16(values.astype(">u2"), channels, significant), None


_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def _png16(
    values: npt.NDArray[np.uint16], channels: int, extra: bytes, *, interlaced: bool = False
) -> bytes:
    height, width = values.shape[:2]
    colour = 2 if channels == 3 else 0
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, interlaced)
    parts = [values[top::down, left::right] for top, left, down, right in _ADAM7]
    rows = (row for part in (parts if interlaced else [values]) if part.size for row in part)
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    return MAGIC + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def _packed_tiff(samples: Samples, bits: int, order: str) -> bytes:
    """Write rows of packed samples, the highest bit first whatever the byte order."""
    height, width, channels = samples.shape if samples.ndim == 3 else (*samples.shape, 1)
    rows = samples.reshape(height, -1)
    if bits == 16:
        stored = rows.astype(f"{order}u2").tobytes()
    else:
        places = np.arange(bits - 1, -1, -1)
        bit_rows = (rows[..., None] >> places & 1).astype(np.uint8).reshape(height, -1)
        stored = np.packbits(bit_rows, axis=1).tobytes()
    photometric = 2 if channels == 3 else 1
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 0)]
    tags += [(277, channels), (278, height), (279, len(stored))]
    at = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack(f"{order}HHII", tag, 4, 1, at if tag == 273 else value) for tag, value in tags
    )
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(f"{order}HIH", 42, 8, len(tags)) + entries + bytes(4) + stored
