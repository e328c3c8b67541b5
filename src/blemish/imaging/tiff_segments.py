"""Strips and tiles of a TIFF to raw bytes and to samples.

libtiff, through Pillow, only unpacks: it gets a TIFF written here, of one grey channel of 8 bits
whose rows are the rows of the segments. So it decodes as many bytes as we have counted, whatever
the file says elsewhere, and depth, planes, byte order and predictor are one piece of code for all
compressions.
"""

import contextlib
import ctypes
import functools
import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import TiffImagePlugin, _imaging

from blemish.errors import ImageTypeError
from blemish.imaging.image_limits import ACCEPTED, corrupt
from blemish.imaging.pillow import DECODER_FAULTS
from blemish.imaging.tiff_directory import Tag
from blemish.imaging.tiff_layout import Segment, TiffLayout

NONE, JPEG = 1, 7
_FAX = frozenset({2, 3, 4})
# TIFF 6.0 and its supplements; the numbers of libtiff's tiff.h
_READ = _FAX | {NONE, 5, JPEG, 8, 32773, 32946, 34925, 50000}
_NAMES = {
    6: "old-style JPEG",
    32809: "ThunderScan",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy DNG",
    50001: "WebP",
    50002: "JPEG XL",
}
_BATCH = 8 << 20  # raw bytes that are unpacked at once, if a segment is not larger
_REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)), bitorder="little")


def check_compression(layout: TiffLayout) -> None:
    """Refuse what no decoder here unpacks.

    Raises:
        ImageTypeError: It names the compression.
    """
    number = layout.compression
    predictor = layout.directory.one(Tag.PREDICTOR, 1)
    fault = None
    if number not in _READ:
        fault = f"compression {number} ({_NAMES.get(number, 'unknown')})"
    elif number in _FAX and (layout.bits, layout.channels) != (1, 1):
        fault = f"fax compression {number} with {layout.channels} channels of {layout.bits} bits"
    elif predictor not in (1, 2) or (predictor == 2 and layout.bits not in (8, 16)):
        fault = f"predictor {predictor} with {layout.bits} bits a sample"
    if fault:
        raise ImageTypeError(
            f"A TIFF of {fault}, which no decoder here reads; accepted: {ACCEPTED}."
        )


def unpack(data: bytes, layout: TiffLayout) -> Iterator[tuple[Segment, npt.NDArray[Any]]]:
    """Yield each segment and its samples ``(rows, segment_width, channels)``, uint8 or uint16.

    Raises:
        ImageContentError: A segment does not hold what it must.
    """
    for batch in _batches(layout):
        raw = (_copy if layout.compression == NONE else _decompress)(data, layout, batch)
        top = 0
        for segment in batch:
            yield segment, _to_samples(raw[top : top + segment.rows], layout)
            top += segment.rows


def _batches(layout: TiffLayout) -> Iterator[list[Segment]]:
    """Yield segments by some megabytes; only the last of a batch has fewer rows than others."""
    batch: list[Segment] = []
    most = max(1, _BATCH // (layout.segment_rows * layout.row_bytes))
    for segment in layout.segments():
        batch.append(segment)
        if len(batch) == most or segment.rows < layout.segment_rows:
            yield batch
            batch = []
    if batch:
        yield batch


def _stored(data: bytes, segment: Segment) -> bytes:
    stored = data[segment.offset : segment.offset + segment.size]
    if len(stored) < max(1, segment.size):
        raise corrupt("TIFF", f"a strip or tile of {segment.size} bytes lies outside the file")
    return stored


def _copy(data: bytes, layout: TiffLayout, batch: Sequence[Segment]) -> npt.NDArray[np.uint8]:
    """Return the rows ``(rows, row_bytes)`` of segments that are not compressed."""
    parts = []
    for segment in batch:
        needed = segment.rows * layout.row_bytes
        stored = _stored(data, segment)
        if len(stored) < needed:
            raise corrupt("TIFF", f"a strip or tile has {len(stored)} bytes; it needs {needed}")
        parts.append(np.frombuffer(stored, np.uint8, needed).reshape(segment.rows, -1))
    raw = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return _REVERSED[raw] if layout.directory.one(Tag.FILL_ORDER, 1) == 2 else raw


def _decompress(data: bytes, layout: TiffLayout, batch: Sequence[Segment]) -> npt.NDArray[np.uint8]:
    """Return the rows ``(rows, row_bytes)`` of compressed segments."""
    rows = sum(segment.rows for segment in batch)
    fax = layout.compression in _FAX
    parts = [_stored(data, segment) for segment in batch]
    _silence()
    file = _write_tiff(layout, parts, rows=rows, segment_rows=batch[0].rows, fax=fax)
    try:
        with TiffImagePlugin.TiffImageFile(io.BytesIO(file), "") as image:
            image.load()
            raw = np.asarray(image)
    except DECODER_FAULTS as error:
        raise corrupt("TIFF", str(error) or type(error).__name__) from error
    return np.packbits(raw, axis=1) if fax else raw


@functools.cache
def _silence() -> None:
    """Keep libtiff from printing what Pillow raises; Pillow leaves its error handler in place."""
    with contextlib.suppress(OSError, AttributeError):  # a Pillow whose libtiff is linked within
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _write_tiff(
    layout: TiffLayout, parts: Sequence[bytes], *, rows: int, segment_rows: int, fax: bool
) -> bytes:
    """Write a TIFF of one channel whose strips are the segments."""
    directory = layout.directory
    values = {
        Tag.WIDTH: [layout.segment_width if fax else layout.row_bytes],
        Tag.LENGTH: [rows],
        Tag.BITS: [1 if fax else 8],
        Tag.COMPRESSION: [layout.compression],
        Tag.PHOTOMETRIC: [1],
        Tag.FILL_ORDER: [directory.one(Tag.FILL_ORDER, 1)],
        Tag.STRIP_OFFSETS: [0] * len(parts),
        Tag.CHANNELS: [1],
        Tag.STRIP_ROWS: [segment_rows],
        Tag.STRIP_SIZES: [len(part) for part in parts],
    }
    if fax:
        values |= {tag: list(directory.all(tag)) for tag in (Tag.T4_OPTIONS, Tag.T6_OPTIONS)}
        values = {tag: numbers for tag, numbers in values.items() if numbers}
    spilled = 8 + 2 + 12 * len(values) + 4  # values that do not fit into an entry lie behind it
    position = spilled + sum(4 * len(v) for v in values.values() if len(v) > 1)
    for place, part in enumerate(parts):
        values[Tag.STRIP_OFFSETS][place] = position
        position += len(part)
    entries, tail = [struct.pack("<2sHIH", b"II", 42, 8, len(values))], []
    for tag, numbers in values.items():
        at = numbers[0] if len(numbers) == 1 else spilled
        entries.append(struct.pack("<HHII", tag, 4, len(numbers), at))
        if len(numbers) > 1:
            tail.append(struct.pack(f"<{len(numbers)}I", *numbers))
            spilled += 4 * len(numbers)
    return b"".join([*entries, bytes(4), *tail, *parts])


def _to_samples(raw: npt.NDArray[np.uint8], layout: TiffLayout) -> npt.NDArray[Any]:
    """Turn rows of bytes into samples ``(rows, segment_width, segment_channels)``."""
    count = layout.segment_width * layout.segment_channels
    samples: npt.NDArray[Any]
    if layout.bits == 8:
        samples = raw
    elif layout.bits == 16:
        samples = np.ascontiguousarray(raw).view(f"{layout.directory.order}u2").astype(np.uint16)
    else:
        samples = _unpack_bits(raw, layout.bits, count)
    samples = samples.reshape(len(raw), layout.segment_width, layout.segment_channels)
    if layout.directory.one(Tag.PREDICTOR, 1) == 2 and layout.compression != NONE:
        samples = np.cumsum(samples, axis=1, dtype=samples.dtype)  # modulo 2**bits, as written
    return samples


def _unpack_bits(raw: npt.NDArray[np.uint8], bits: int, count: int) -> npt.NDArray[np.uint16]:
    """Read ``count`` numbers of ``bits`` bits from each row, the highest bit first."""
    begin = np.arange(count) * bits
    padded = np.pad(raw, ((0, 0), (0, 2)))
    wide = padded[:, begin // 8].astype(np.uint32) << 16
    wide |= padded[:, begin // 8 + 1].astype(np.uint32) << 8
    wide |= padded[:, begin // 8 + 2]
    wide >>= (24 - bits - begin % 8).astype(np.uint32)
    return (wide & ((1 << bits) - 1)).astype(np.uint16)
