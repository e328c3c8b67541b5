"""The one directory of a TIFF (TIFF 6.0, section 2): what it says, if it says it once."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from blemish.errors import ImageTypeError
from blemish.imaging.image_limits import ACCEPTED, corrupt


class Tag(IntEnum):
    """The tags that decide how pixels are stored and shown (TIFF 6.0, appendix A)."""

    WIDTH = 256
    LENGTH = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    CHANNELS = 277
    STRIP_ROWS = 278
    STRIP_SIZES = 279
    PLANES = 284
    T4_OPTIONS = 292
    T6_OPTIONS = 293
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_SIZES = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    JPEG_TABLES = 347


_KINDS = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4), 7: ("B", 1)}  # BYTE, SHORT, LONG, UNDEFINED
_KNOWN = frozenset(Tag)
_MOST_VALUES = 3 << 16
"""Of one tag: a palette of 16 bits; as many tiles of 16 x 16 fill 50 megapixels."""


@dataclass(frozen=True)
class Directory:
    """What the directory says."""

    order: str
    """Byte order as :mod:`struct` names it, ``<`` or ``>``."""
    tags: Mapping[int, tuple[int, ...]]

    def one(self, tag: Tag, default: int | None = None) -> int:
        """Return the only value of a tag.

        Raises:
            ImageContentError: It is missing without a default, or has several values.
        """
        values = self.tags.get(tag, () if default is None else (default,))
        if len(values) != 1:
            raise corrupt("TIFF", f"tag {int(tag)} has {len(values)} values, not one")
        return values[0]

    def all(self, tag: Tag) -> tuple[int, ...]:
        """Return the values of a tag, none where it is missing."""
        return self.tags.get(tag, ())


def read_directory(data: bytes) -> Directory:
    """Read the directory.

    Raises:
        ImageTypeError: There are several, for there are several pages.
        ImageContentError: It names a tag twice, a value lies outside the file, or a tag has more
            values than any needs.
        struct.error: It ends too early.
    """
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    (following,) = struct.unpack_from(f"{order}I", data, start + 2 + 12 * count)
    if following:
        raise ImageTypeError(f"A TIFF of several pages; accepted: {ACCEPTED}.")
    tags: dict[int, tuple[int, ...]] = {}
    seen: set[int] = set()
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from(f"{order}H", data, entry)
        if tag in seen:
            raise corrupt("TIFF", f"it has tag {tag} twice")
        seen.add(tag)
        if tag in _KNOWN:
            tags[tag] = _read_values(data, order, entry, tag)
    return Directory(order, tags)


def _read_values(data: bytes, order: str, entry: int, tag: int) -> tuple[int, ...]:
    kind, count = struct.unpack_from(f"{order}HI", data, entry + 2)
    if kind not in _KINDS:
        raise corrupt("TIFF", f"tag {tag} has type {kind}, not a whole number")
    if count > _MOST_VALUES:  # several tags may share bytes, and each value costs memory
        raise corrupt("TIFF", f"tag {tag} has {count} values; accepted: {_MOST_VALUES}")
    letter, size = _KINDS[kind]
    where = entry + 8
    if size * count > 4:
        (where,) = struct.unpack_from(f"{order}I", data, where)
    if where + size * count > len(data):
        raise corrupt("TIFF", f"the values of tag {tag} lie outside the file")
    return struct.unpack_from(f"{order}{count}{letter}", data, where)
