"""Single-page TIFF (TIFF 6.0 and its supplements), of any depth from 1 to 16 bits."""

from typing import Any

import numpy as np
import numpy.typing as npt

from blemish.errors import ImageTypeError
from blemish.imaging import jpeg
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.samples import Samples, check_opaque
from blemish.imaging.tiff_directory import Tag, read_directory
from blemish.imaging.tiff_layout import (
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Segment,
    TiffLayout,
    read_layout,
)
from blemish.imaging.tiff_segments import JPEG, check_compression, unpack

_UNDECLARED = 16  # bits a sample that cameras of any depth store
# An Adobe segment says whether three channels are RGB (0) or YCbCr (1): T.872, section 6.5.3
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"


def read_size(data: bytes) -> tuple[int, int]:
    """Return width and height by the directory."""
    directory = read_directory(data)
    return directory.one(Tag.WIDTH), directory.one(Tag.LENGTH)


def read(data: bytes, limits: Limits) -> Samples:
    """Read a TIFF; BitsPerSample below 16 is the depth of its samples."""
    layout = read_layout(read_directory(data), limits)
    check_compression(layout)
    if layout.compression == JPEG:
        values = _decode_jpegs(data, layout, limits)
    elif layout.photometric == YCBCR:
        raise ImageTypeError(
            f"A TIFF of YCbCr outside JPEG, which no decoder here reads; accepted: {ACCEPTED}."
        )
    else:
        kind = np.uint8 if layout.bits == 8 else np.uint16
        values = np.empty((layout.height, layout.width, layout.channels), kind)
        for segment, part in unpack(data, layout):
            _place(values, part, segment, layout)
    if layout.has_alpha:
        check_opaque(values[..., layout.colours], (1 << layout.bits) - 1)
    return _interpret(values[..., : layout.colours], layout)


def _place(
    values: npt.NDArray[Any], part: npt.NDArray[Any], segment: Segment, layout: TiffLayout
) -> None:
    """Put a segment where it belongs; what of a tile lies outside the image is cut off."""
    here = values[segment.top : segment.top + segment.rows, segment.left :][
        :, : layout.segment_width
    ]
    cut = part[: here.shape[0], : here.shape[1]]
    if layout.planar:
        here[..., segment.plane] = cut[..., 0]
    else:
        here[...] = cut


def _decode_jpegs(data: bytes, layout: TiffLayout, limits: Limits) -> npt.NDArray[np.uint8]:
    """Decode strips or tiles that are JPEG files without their tables (TIFF technical note 2)."""
    if layout.bits != 8:
        raise ImageTypeError(
            f"A TIFF of JPEG with {layout.bits} bits a sample, which no decoder here reads; "
            f"accepted: {ACCEPTED}."
        )
    tables = bytes(layout.directory.all(Tag.JPEG_TABLES))[2:-2]
    adobe = b"" if layout.segment_channels == 1 else _ADOBE + bytes([layout.photometric != RGB])
    values = np.empty((layout.height, layout.width, layout.channels), np.uint8)
    work = 0
    for segment in layout.segments():
        stored = data[segment.offset : segment.offset + segment.size]
        if not stored.startswith(b"\xff\xd8"):
            raise corrupt("TIFF", "a strip or tile of it is no JPEG")
        whole = stored[:2] + adobe + tables + stored[2:]
        frame = jpeg.walk(whole, limits)
        least = min(segment.rows, layout.height - segment.top)
        if (frame.width, frame.channels) != (layout.segment_width, layout.segment_channels) or not (
            least <= frame.height <= layout.segment_rows  # of the last strip some hold more
        ):
            raise corrupt("TIFF", f"a JPEG in it has {frame.width} x {frame.height} pixels")
        work += frame.work
        jpeg.check_work(work, limits)
        part = jpeg.decode(whole[: frame.end], frame)
        _place(values, part.reshape(frame.height, frame.width, -1), segment, layout)
    return values


def _interpret(values: npt.NDArray[Any], layout: TiffLayout) -> Samples:
    if layout.photometric == PALETTE:
        return Samples(_look_up(values[..., 0], layout), 8)
    declared = None if layout.bits == _UNDECLARED else layout.bits
    stored = values[..., 0] if layout.colours == 1 else np.ascontiguousarray(values)
    return Samples(stored, declared, white_is_zero=layout.photometric == WHITE_IS_ZERO)


def _look_up(indices: npt.NDArray[Any], layout: TiffLayout) -> npt.NDArray[np.uint8]:
    """Return the colours of a palette, 16 bits a channel but for writers that know 8 only."""
    entries = layout.directory.all(Tag.COLOR_MAP)
    if len(entries) != 3 << layout.bits:
        raise corrupt("TIFF", f"its palette has {len(entries)} values; it needs {3 << layout.bits}")
    colours = np.array(entries, np.uint16).reshape(3, -1).T
    shift = 8 if int(colours.max()) > 255 else 0
    found: npt.NDArray[np.uint8] = (colours >> shift).astype(np.uint8)[indices]
    return found
