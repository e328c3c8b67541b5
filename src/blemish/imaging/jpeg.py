"""JPEG (ITU-T T.81): the segments are walked to the image's own end marker, then decoded."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import simplejpeg

from blemish.errors import ImageContentError, ImageTypeError
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.samples import Samples

_START, _SCAN, _END = 0xD8, 0xDA, 0xD9  # T.81 table B.1: SOI, SOS, EOI
_LONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})  # T.81 table B.1: no length follows
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # T.81 table B.1: SOFn
_READ_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline to progressive, lossy
# Within a scan 0xFF is followed by 0 (a stuffed byte), by 0xFF (fill) or by a restart marker.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_FILL = re.compile(rb"\xff+")
_MOST_SCANS = 100
_MOST_SEGMENTS = 2_000
_MOST_PASSES = 20  # over the largest image, in all; encoders write about ten scans
_DEPTH = 8
# Cheap cameras leave a few bytes before the end marker; more is another file's content.
_MOST_STRAY_BYTES = 64
_STRAY = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_CORRUPT = ("Corrupt", "Premature")  # of libjpeg's warnings; the others concern no pixel


@dataclass(frozen=True)
class JpegFrame:
    """What the segments say."""

    width: int
    height: int
    channels: int
    end: int
    """Where the end marker ends."""
    scans: int

    @property
    def work(self) -> int:
        """What decoding costs: each scan passes over all pixels."""
        return self.width * self.height * self.scans


def read(data: bytes, limits: Limits) -> Samples:
    """Read a JPEG; what follows its end marker, as a phone's film does, is not its content."""
    frame = walk(data, limits)
    check_work(frame.work, limits)
    return Samples(decode(data[: frame.end], frame), _DEPTH)


def read_size(data: bytes) -> tuple[int, int]:
    """Return width and height by the first frame header."""
    for marker, position in _segments(data):
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
    raise corrupt("JPEG", "it has no frame header")


def walk(data: bytes, limits: Limits) -> JpegFrame:
    """Walk the segments up to the end marker (annex B).

    Raises:
        ImageError: They are no single frame of a size and kind that is accepted.
    """
    scans = end = 0
    sizes: list[tuple[int, int, int]] = []
    for marker, position in _segments(data):
        if marker in _FRAME_MARKERS:
            sizes.append(_read_frame(data, position, marker, limits))
        scans += marker == _SCAN
        end = position
    if len(sizes) != 1 or not scans:
        raise corrupt("JPEG", f"it has {len(sizes)} frame headers and {scans} scans")
    return JpegFrame(*sizes[0], end=end, scans=scans)


def check_work(work: int, limits: Limits) -> None:
    """Refuse what would take a decoder longer than the largest image does many times.

    Args:
        work: Pixels times scans, of all that belongs to one image.
        limits: The largest image.

    Raises:
        ImageContentError: It is more than any encoder writes.
    """
    if work > _MOST_PASSES * limits.megapixels * 1_000_000:
        raise ImageContentError(
            f"The JPEG has more scans than its size allows: {_MOST_PASSES} passes over "
            f"{limits.megapixels} megapixels are accepted in all; save the image again."
        )


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker up to the end marker, and where what belongs to it begins.

    Raises:
        ImageContentError: There is no end marker, or there is more than any encoder writes.
    """
    position, scans, segments = 2, 0, 0
    while True:
        position, marker = _next_marker(data, position)
        yield marker, position
        if marker == _END:
            return
        segments += 1
        if marker not in _LONE_MARKERS:
            position += struct.unpack_from(">H", data, position)[0]
        if marker == _SCAN:
            scans += 1
            found = _NEXT_MARKER.search(data, position)
            position = found.start() if found else len(data)
        if scans > _MOST_SCANS or segments > _MOST_SEGMENTS:
            raise ImageContentError(
                f"The JPEG has more than {_MOST_SCANS} scans or {_MOST_SEGMENTS} segments; "
                "save the image again."
            )


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Return where the segment after the next marker begins, and the marker."""
    if position >= len(data):
        raise corrupt("JPEG", "its end marker is missing")
    if data[position] != 0xFF:
        raise corrupt("JPEG", f"no marker stands at byte {position}")
    position = _FILL.match(data, position).end()  # type: ignore[union-attr]  # it stands there
    marker = data[position]
    if marker == _START or marker < 0x01 or 0x01 < marker < 0xC0:
        raise corrupt("JPEG", f"marker {marker:#04x} comes before its end marker")
    return position + 1, marker


def _read_frame(data: bytes, position: int, marker: int, limits: Limits) -> tuple[int, int, int]:
    depth, height, width, channels = struct.unpack_from(">BHHB", data, position + 2)
    limits.check(width, height)
    if marker not in _READ_FRAMES or depth != _DEPTH:
        raise ImageTypeError(
            f"A JPEG of process SOF{marker - 0xC0} with {depth} bits a sample, which no decoder "
            f"here reads; accepted: {ACCEPTED}."
        )
    if channels not in (1, 3):
        raise ImageContentError(
            f"A JPEG of {channels} channels (CMYK?); accepted are grey and RGB."
        )
    return width, height, channels


def decode(data: bytes, frame: JpegFrame) -> npt.NDArray[np.uint8]:
    """Decode a JPEG that ends with its end marker.

    Args:
        data: The file.
        frame: What its segments say.

    Returns:
        Grey ``(H, W)`` or RGB ``(H, W, 3)``.

    Raises:
        ImageContentError: The decoder finds another size, or data that are not the image's.
    """
    colour = "GRAY" if frame.channels == 1 else "RGB"
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if (width, height) != (frame.width, frame.height):
            raise corrupt("JPEG", f"it has two sizes, one of them {width} x {height}")
        values = _decode_strictly(data, colour)
    except ValueError as error:
        raise corrupt("JPEG", str(error)) from error
    return values[..., 0] if frame.channels == 1 else values


def _decode_strictly(data: bytes, colour: str) -> npt.NDArray[np.uint8]:
    """Decode; what libjpeg merely warns of is an error where it concerns pixels."""
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colour, strict=True))
    except ValueError as error:
        stray = _STRAY.search(str(error))
        few = stray is not None and int(stray[1]) <= _MOST_STRAY_BYTES
        if str(error).startswith(_CORRUPT) and not few:
            raise
    return np.asarray(simplejpeg.decode_jpeg(data, colour, strict=False))
