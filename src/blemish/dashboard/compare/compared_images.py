"""Images that two versions have seen: measured once, then decided at any two thresholds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from blemish.arrays import Mask
from blemish.dashboard.compare.threshold_levels import Levels
from blemish.dashboard.image_collections import ImageEntry
from blemish.metrics import Counts, PairedCalls

_SMALL, _LARGE = 0.002, 0.02  # shares of an image; a scratch and a patch

SIZES = ("no defect", "small", "medium", "large")
ORDERS = {
    "result": "Result differs",
    "disagreement": "Pixels that differ",
    "loss_a": "Lowest overlap of A",
    "loss_b": "Lowest overlap of B",
    "gain": "Where B is better",
    "name": "Name",
}


@dataclass(frozen=True)
class MeasuredImage:
    """One image, counted by truth and by the levels of both versions.

    Attributes:
        index: Place of the image in its collection.
        entry: What the collection knows of it.
        levels: Shape ``(K, 2)``, uint8: each pair of levels of A and B that occurs.
        truth: Shape ``(K,)``, bool: whether these pixels are defective; all False without truth.
        pixels: Shape ``(K,)``, int64: how many there are.
        judged: Whether there is truth.
        thumbnail: A small image as a ``data:`` address.
        digest: Digest of the plane, by which the image is known again under another name.
    """

    index: int
    entry: ImageEntry
    levels: Levels
    truth: Mask
    pixels: npt.NDArray[np.int64]
    judged: bool
    thumbnail: str = field(default="", repr=False)
    digest: str = ""

    @property
    def defective(self) -> bool | None:
        """Whether the truth holds a defect; None without truth."""
        return bool(self.truth.any()) if self.judged else None

    @property
    def part(self) -> str:
        """The part that the image shows."""
        return self.entry.part


def measure(
    index: int,
    entry: ImageEntry,
    levels: tuple[Levels, Levels],
    truth: Mask | None,
    *,
    thumbnail: str = "",
    digest: str = "",
) -> MeasuredImage:
    """Count the pixels of one image by truth and by both levels, each of shape ``(H, W)``."""
    a, b = (level.astype(np.int32) for level in levels)
    key = (a << 9) | (b << 1)
    if truth is not None:
        key |= truth
    pixels = np.bincount(key.ravel())
    found = np.flatnonzero(pixels)
    pairs = np.stack([found >> 9, (found >> 1) & 255], axis=1).astype(np.uint8)
    marked = (found & 1).astype(bool)
    judged = truth is not None
    return MeasuredImage(index, entry, pairs, marked, pixels[found], judged, thumbnail, digest)


@dataclass(frozen=True)
class ComparedImage:
    """One image at two thresholds.

    Attributes:
        index: Place of the image in its collection.
        entry: What the collection knows of it.
        part: The part that it shows.
        defective: Whether the truth holds a defect; None without truth.
        called_a: Whether A calls it defective.
        called_b: Whether B does.
        disagreement: Share of the pixels that the versions decide differently, in [0, 1].
        a: Pixel counts of A; None without truth.
        b: Pixel counts of B; None without truth.
        area: Share of the pixels that are defective by truth; by A without truth.
        thumbnail: A small image as a ``data:`` address.
        digest: Digest of the plane, as in :class:`MeasuredImage`.
    """

    index: int
    entry: ImageEntry
    part: str
    defective: bool | None
    called_a: bool
    called_b: bool
    disagreement: float
    a: Counts | None
    b: Counts | None
    area: float
    thumbnail: str = field(default="", repr=False)
    digest: str = ""

    @property
    def differs(self) -> bool:
        """Whether the versions call it differently."""
        return self.called_a != self.called_b


def decide(measured: MeasuredImage, places: tuple[int, int]) -> ComparedImage:
    """Return an image at two thresholds, given by their places in the grid."""
    marked = measured.levels > np.array(places)
    total = int(measured.pixels.sum())
    reference = measured.truth if measured.judged else marked[:, 0]
    differing = int(measured.pixels[marked[:, 0] != marked[:, 1]].sum())
    counts = [_counts(measured, marked[:, side]) if measured.judged else None for side in (0, 1)]
    return ComparedImage(
        index=measured.index,
        entry=measured.entry,
        part=measured.part,
        defective=measured.defective,
        called_a=bool(marked[:, 0].any()),
        called_b=bool(marked[:, 1].any()),
        disagreement=differing / total,
        a=counts[0],
        b=counts[1],
        area=int(measured.pixels[reference].sum()) / total,
        thumbnail=measured.thumbnail,
        digest=measured.digest,
    )


def _counts(measured: MeasuredImage, marked: Mask) -> Counts:
    pixels, truth = measured.pixels, measured.truth
    tp, fp = int(pixels[marked & truth].sum()), int(pixels[marked & ~truth].sum())
    fn = int(pixels[truth].sum()) - tp
    return Counts(tp, fp, fn, int(pixels.sum()) - tp - fp - fn)


def paired_calls(compared: Sequence[ComparedImage]) -> PairedCalls:
    """Return what both versions call the images that have truth, a row each, named by part."""
    return PairedCalls.of(
        [
            (one.part, one.defective, one.called_a, one.called_b)
            for one in compared
            if one.defective is not None
        ]
    )


def size_of(one: ComparedImage) -> str:
    """Return which of :data:`SIZES` an image's defects are."""
    if one.area == 0:
        return SIZES[0]
    return SIZES[1] if one.area < _SMALL else SIZES[2] if one.area < _LARGE else SIZES[3]


def ordered(compared: Sequence[ComparedImage], order: str) -> list[ComparedImage]:
    """Sort by one of :data:`ORDERS`, the telling ones first; ties by name."""
    key: Callable[[ComparedImage], float] = {
        "result": lambda one: 2 * one.differs + one.disagreement,
        "disagreement": lambda one: one.disagreement,
        "loss_a": lambda one: 1 - one.a.dice if one.a else 0.0,
        "loss_b": lambda one: 1 - one.b.dice if one.b else 0.0,
        "gain": lambda one: one.b.dice - one.a.dice if one.a and one.b else 0.0,
        "name": lambda _: 0.0,
    }[order]
    return sorted(compared, key=lambda one: (-key(one), one.entry.image_id))
