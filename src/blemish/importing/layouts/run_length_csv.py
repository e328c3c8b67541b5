"""A CSV of run lengths, as Kaggle's Severstal steel has it: ``ImageId,ClassId,EncodedPixels``.

``EncodedPixels`` is ``start length start length ...``, pixels counted from 1 down the columns;
nothing says defect-free. ``ClassId`` may be left out, or stand in ``ImageId_ClassId``.
"""

import csv
import io
from collections import defaultdict
from pathlib import PurePosixPath

from blemish.folder_walk import LeftOut
from blemish.importing.source import (
    DEFAULT_CLASS,
    FoundImages,
    PixelRuns,
    SourceImage,
    SourceTree,
    class_of,
)
from blemish.sets import Fault
from blemish.terminal_text import printable

_RUNS = "EncodedPixels"
_IMAGE = ("ImageId", "ImageId_ClassId")
_LONGEST_FIELD = 1 << 27  # characters; Python reads 131,072, and run lengths may have more
_NO_TABLE = "in a folder of which the table names no image"


def find(tree: SourceTree) -> FoundImages | None:
    """Return the photographs that a table names, None when there is no such table."""
    images: list[SourceImage] = []
    faults: list[Fault] = []
    recognised = False
    for path, text in tree.texts(".csv"):
        rows = [] if isinstance(text, Fault) else _read_rows(text)
        if not rows or _RUNS not in rows[0] or not any(name in rows[0] for name in _IMAGE):
            continue
        recognised = True
        _read(path, rows, tree, images, faults)
    if not recognised:
        return None
    named = {image.file for image in images}
    folders = {path.parent for path in named}
    rest = [path for path in tree.images if path not in named]
    images += [SourceImage(path, unmasked=True) for path in rest if path.parent in folders]
    left_out = [LeftOut(printable(p), _NO_TABLE) for p in rest if p.parent not in folders]
    return FoundImages(tuple(images), tuple(faults), tuple(left_out))


def _read_rows(text: str) -> list[dict[str, str]]:
    """Read a table; none where the text is no CSV."""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        return list(csv.DictReader(io.StringIO(text)))
    except csv.Error:
        return []


def _read(
    path: PurePosixPath,
    rows: list[dict[str, str]],
    tree: SourceTree,
    images: list[SourceImage],
    faults: list[Fault],
) -> None:
    regions: defaultdict[str, list[PixelRuns]] = defaultdict(list)
    for number, row in enumerate(rows, 2):
        name, class_name = _identify(row)
        runs = _parse_runs(row.get(_RUNS) or "")
        if runs is None:
            problem = f"line {number}: {_RUNS} is not pairs of start and length"
            faults.append(Fault(printable(path), problem))
        elif runs:
            regions[name].append(PixelRuns(class_name, runs))
        else:
            regions[name]
    for name, marked in regions.items():
        found = tree.images_called(PurePosixPath(name.replace("\\", "/")).name)
        if len(found) == 1:
            images.append(SourceImage(found[0], regions=tuple(marked), annotation=path))
        else:
            problem = f"fits {len(found)} files" if found else "is not there"
            faults.append(Fault(printable(path), f"names {printable(name)}, which {problem}"))


def _identify(row: dict[str, str]) -> tuple[str, str]:
    """Return the image of a row and the class of its region."""
    name, number = row.get("ImageId"), row.get("ClassId")
    if name is None:
        name, _, number = (row.get("ImageId_ClassId") or "").rpartition("_")
    return name, class_of(f"class_{number}") if number else DEFAULT_CLASS


def _parse_runs(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return pairs of first pixel, from 0, and length; None when the text holds no such pairs."""
    try:
        numbers = [int(word) for word in text.split()]
    except ValueError:
        return None
    starts, lengths = numbers[::2], numbers[1::2]
    if len(starts) != len(lengths) or any(n < 1 for n in numbers):
        return None
    return tuple((start - 1, length) for start, length in zip(starts, lengths, strict=True))
