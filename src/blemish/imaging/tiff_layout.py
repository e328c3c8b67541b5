"""How a TIFF stores its pixels: depth, channels, planes, strips or tiles; ambiguity is refused."""

from collections.abc import Iterator
from dataclasses import dataclass

from blemish.errors import ImageContentError, ImageSizeError, ImageTypeError
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.tiff_directory import Directory, Tag

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6  # photometric interpretations
_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, YCBCR: 3}
_DEEPEST = 16
UNSIGNED, UNDEFINED = 1, 4  # sample formats
_UNSPECIFIED = 0  # an extra sample that is no alpha
_MOST_PADDED = 2  # times the largest image: what tiles may hold together, beyond the edges too


@dataclass(frozen=True)
class Segment:
    """A strip or tile of one plane, or of all channels together."""

    offset: int
    size: int
    """Bytes as stored."""
    plane: int
    top: int
    left: int
    rows: int
    """Rows that it holds; of a tile all, of the last strip what is left."""


@dataclass(frozen=True)
class TiffLayout:
    """How the pixels are stored."""

    directory: Directory
    width: int
    height: int
    bits: int
    channels: int
    colours: int
    """Channels without alpha."""
    photometric: int
    compression: int
    planar: bool
    """Each channel is stored by itself."""
    segment_width: int
    segment_rows: int

    @property
    def segment_channels(self) -> int:
        """Channels within one segment."""
        return 1 if self.planar else self.channels

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a segment, unpacked; each row begins with a new byte."""
        return (self.segment_width * self.segment_channels * self.bits + 7) // 8

    @property
    def has_alpha(self) -> bool:
        """One channel more, which is not declared to be something else."""
        extra = self.directory.all(Tag.EXTRA_SAMPLES)
        return self.channels > self.colours and extra != (_UNSPECIFIED,)

    def segments(self) -> Iterator[Segment]:
        """Yield strips or tiles in the order of the file, plane by plane.

        Raises:
            ImageContentError: There are more or fewer than the size needs, or one lies outside.
        """
        tiled = bool(self.directory.all(Tag.TILE_OFFSETS))
        offsets = self.directory.all(Tag.TILE_OFFSETS if tiled else Tag.STRIP_OFFSETS)
        sizes = self.directory.all(Tag.TILE_SIZES if tiled else Tag.STRIP_SIZES)
        places = [
            (plane, top, left)
            for plane in range(self.channels if self.planar else 1)
            for top in range(0, self.height, self.segment_rows)
            for left in range(0, self.width, self.segment_width)
        ]
        if not len(offsets) == len(sizes) == len(places):
            raise corrupt(
                "TIFF",
                f"it has {len(offsets)} offsets and {len(sizes)} sizes for {len(places)} segments",
            )
        for offset, size, (plane, top, left) in zip(offsets, sizes, places, strict=True):
            rows = self.segment_rows if tiled else min(self.segment_rows, self.height - top)
            yield Segment(offset, size, plane, top, left, rows)


def _colours(directory: Directory, photometric: int, channels: int) -> int:
    if photometric not in _COLOURS:
        raise ImageContentError(
            f"A TIFF of photometric interpretation {photometric} (CMYK?); accepted are grey, RGB "
            "and palettes."
        )
    colours = _COLOURS[photometric]
    extra = directory.all(Tag.EXTRA_SAMPLES)
    if not colours <= channels <= colours + 1 or len(extra) not in (0, channels - colours):
        raise corrupt("TIFF", f"it has {channels} channels, of which {colours} are colour")
    return colours


def read_layout(directory: Directory, limits: Limits) -> TiffLayout:
    """Return the layout that a directory describes.

    Raises:
        ImageSizeError: The image or a tile of it is larger than the limits.
        ImageTypeError: No decoder here reads that layout.
        ImageContentError: Tags contradict each other.
    """
    width, height = directory.one(Tag.WIDTH), directory.one(Tag.LENGTH)
    limits.check(width, height)
    photometric = directory.one(Tag.PHOTOMETRIC)
    channels = directory.one(Tag.CHANNELS, 1)
    colours = _colours(directory, photometric, channels)
    segment_width, segment_rows = _segment_size(directory, width, height)
    limits.check(segment_width, segment_rows)
    _check_padding(width, height, segment_width, segment_rows, limits)
    return TiffLayout(
        directory,
        width,
        height,
        _bits(directory, channels),
        channels,
        colours,
        photometric,
        directory.one(Tag.COMPRESSION, 1),
        _is_planar(directory, channels),
        segment_width,
        segment_rows,
    )


def _check_padding(width: int, height: int, columns: int, rows: int, limits: Limits) -> None:
    """Refuse tiles that hold far more than the image: all that they hold is unpacked."""
    padded = -(-width // columns) * columns * -(-height // rows) * rows
    if padded > _MOST_PADDED * limits.megapixels * 1_000_000:
        raise ImageSizeError(
            f"The tiles of the TIFF hold {padded} pixels for {width} x {height}; accepted are "
            f"{_MOST_PADDED * limits.megapixels} megapixels. Save it in smaller tiles."
        )


def _bits(directory: Directory, channels: int) -> int:
    declared = directory.all(Tag.BITS) or (1,)
    formats = directory.all(Tag.SAMPLE_FORMAT)
    if len(declared) not in (1, channels):
        raise corrupt("TIFF", f"it declares {len(declared)} depths for {channels} channels")
    if len(set(declared)) > 1:
        raise ImageTypeError(
            f"A TIFF of {declared} bits by channel, which no decoder here reads; accepted: "
            f"{ACCEPTED}."
        )
    if not set(formats) <= {UNSIGNED, UNDEFINED} or not 1 <= declared[0] <= _DEEPEST:
        raise ImageContentError(
            f"A TIFF of sample format {formats or (UNSIGNED,)} with {declared[0]} bits a sample; "
            f"accepted: unsigned, 1 to {_DEEPEST} bits."
        )
    return declared[0]


def _is_planar(directory: Directory, channels: int) -> bool:
    planes = directory.one(Tag.PLANES, 1)
    if planes not in (1, 2):
        raise corrupt("TIFF", f"its planar configuration is {planes}, not 1 or 2")
    return planes == 2 and channels > 1


def _segment_size(directory: Directory, width: int, height: int) -> tuple[int, int]:
    """Return the width and the rows of a tile, or of a strip."""
    if not directory.all(Tag.TILE_OFFSETS):
        return width, max(1, min(directory.one(Tag.STRIP_ROWS, height), height))
    if directory.all(Tag.STRIP_OFFSETS):
        raise corrupt("TIFF", "it has strips and tiles")
    return directory.one(Tag.TILE_WIDTH), directory.one(Tag.TILE_LENGTH)
