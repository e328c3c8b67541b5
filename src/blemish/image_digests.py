"""Which images a model was trained, validated and tested on, by content.

Two versions can be compared only on images that neither was fitted to. Names and splits change
from one training to the next; the pixels of an image do not.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blemish.arrays import Plane
from blemish.files import csv_text
from blemish.packed import SPLITS, PackedSet

NAME = "images.csv"
_COLUMNS = ("split", "set", "group", "image_id", "sha256")


@dataclass(frozen=True)
class ImageDigest:
    """An image of a split.

    Attributes:
        split: ``train``, ``val`` or ``test``.
        set_name: Set that it comes from.
        group: Physical part that it shows; unique within its set.
        image_id: Safe stem of its name; unique within its set.
        sha256: SHA-256 of its plane, from :func:`plane_digest`.
    """

    split: str
    set_name: str
    group: str
    image_id: str
    sha256: str


def plane_digest(plane: Plane) -> str:
    """Return SHA-256 over the height, width and pixels of a grey plane, 64 hexadecimal digits."""
    height, width = plane.shape
    return hashlib.sha256(b"%d %d " % (height, width) + plane.tobytes()).hexdigest()


def digest_splits(folder: Path) -> Iterator[ImageDigest]:
    """Yield every image of the packed splits in a folder.

    Raises:
        DataError: A split is corrupt.
    """
    for split in SPLITS:
        packed = PackedSet.open(folder, split)
        for i in range(len(packed)):
            annotation = packed.annotation(i)
            digest = plane_digest(packed.image(i))
            yield ImageDigest(
                split, annotation.set_name, annotation.group, annotation.image_id, digest
            )


def write_digests(digests: Iterable[ImageDigest]) -> str:
    """Return the digests as CSV with Unix line ends."""
    rows = ((d.split, d.set_name, d.group, d.image_id, d.sha256) for d in digests)
    return csv_text(_COLUMNS, rows, csv.QUOTE_ALL)


def read_digests(text: str) -> tuple[ImageDigest, ...]:
    """Read what :func:`write_digests` wrote.

    Raises:
        ValueError: It is something else.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return tuple(ImageDigest(*(row[name] for name in _COLUMNS)) for row in rows)
    except (KeyError, csv.Error) as error:
        raise ValueError(f"line {rows.line_num} of {NAME} cannot be read: {error!r}") from error
