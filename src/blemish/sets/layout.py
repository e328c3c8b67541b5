"""The one layout of a set on disk: how every set, drawn or imported, is written and read.

::

    images/<image_id>.png   uint8 grey (uint16 where the source had 16 bit)
    masks/<image_id>.png    uint8, 255 where a defect is, else 0, of the same size
    index.csv               image_id,group,width,height,defective,clean,attributes
    defects.jsonl           one defect a line, its region as COCO run lengths
    region.png              of some sets: the region of interest of all images, 0 and 255
    set.json                name, format, source_layout, images, classes, ...
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from blemish.arrays import Mask
from blemish.errors import DataError
from blemish.png import GreyPlane, read_grey
from blemish.sets.index_rows import (
    DefectMark,
    IndexRow,
    LabelledDefect,
    parse_defect,
    parse_mark,
    parse_row,
)

FORMAT = 1
REGION_FILE = "region.png"
SYNTHETIC = "synthetic"
"""Name and source layout of the set that the generator draws."""

T = TypeVar("T")


@dataclass(frozen=True)
class ImageSet:
    """A set on disk; images are read when asked for."""

    folder: Path
    about: Mapping[str, Any] = field(repr=False)
    rows: tuple[IndexRow, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def name(self) -> str:
        """What the set is called."""
        return str(self.about["name"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its defects, sorted."""
        return tuple(self.about["classes"])

    def image_path(self, index: int) -> Path:
        """Return where image ``index`` lies."""
        return self.folder / "images" / f"{self.rows[index].image_id}.png"

    def mask_path(self, index: int) -> Path:
        """Return where the mask of image ``index`` lies."""
        return self.folder / "masks" / f"{self.rows[index].image_id}.png"

    def image(self, index: int) -> GreyPlane:
        """Return image ``index``, shape ``(H, W)``, uint8 or uint16."""
        return read_grey(self.image_path(index))

    def mask(self, index: int) -> Mask:
        """Return the mask of image ``index``, shape ``(H, W)``, bool."""
        return read_grey(self.mask_path(index)) > 127

    @cached_property
    def region(self) -> Mask | None:
        """The region of interest of every image, shape ``(H, W)``; None: all of each counts."""
        path = self.folder / REGION_FILE
        return read_grey(path) > 127 if self.about.get("region") else None

    def defects(self, image_id: str) -> tuple[LabelledDefect, ...]:
        """Return the defects of an image with their masks; none when it is defect-free.

        Raises:
            DataError: ``defects.jsonl`` is corrupt.
        """
        return self._parse(image_id, parse_defect)

    def marks(self, image_id: str) -> tuple[DefectMark, ...]:
        """Return the defects of an image as runs of pixels; none when it is defect-free.

        Raises:
            DataError: ``defects.jsonl`` is corrupt.
        """
        return self._parse(image_id, parse_mark)

    def _parse(self, image_id: str, parse: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
        try:
            return tuple(parse(value) for value in self._defect_values.get(image_id, ()))
        except (ValueError, KeyError, TypeError) as error:
            where = f"{self.folder.name}/defects.jsonl"
            raise DataError(
                "The defects of a set cannot be read; import it again.",
                [f"{where}: corrupt at {image_id}: {error}"],
            ) from error

    def classes_of(self, image_id: str) -> frozenset[str]:
        """Return the classes of an image's defects, without decoding their regions."""
        return frozenset(value["class"] for value in self._defect_values.get(image_id, ()))

    def count_defects(self) -> dict[str, int]:
        """Return how many defects of each class the set holds."""
        values = (value for line in self._defect_values.values() for value in line)
        return dict(sorted(Counter(value["class"] for value in values).items()))

    @cached_property
    def _defect_values(self) -> dict[str, list[dict[str, Any]]]:
        by_image: dict[str, list[dict[str, Any]]] = {}
        text = (self.folder / "defects.jsonl").read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            try:
                value = json.loads(line)
                by_image.setdefault(value["image_id"], []).append(value)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{self.folder}/defects.jsonl is corrupt at line {number}."
                ) from error
        return by_image


def read_sets(folders: Iterable[Path]) -> list[ImageSet]:
    """Open several sets on disk.

    Args:
        folders: Of the sets.

    Raises:
        DataError: Some cannot be read; the message names all of those.
    """
    sets, faults = [], []
    for folder in folders:
        try:
            sets.append(read_set(folder))
        except DataError as error:
            faults.append(error)
    if len(faults) > 1:
        summary = f"{len(faults)} sets cannot be read:"
        raise DataError(summary, [str(fault) for fault in faults]) from faults[0]
    if faults:
        raise faults[0]
    return sets


def read_set(folder: Path) -> ImageSet:
    """Open a set on disk.

    Args:
        folder: The folder of the set.

    Raises:
        DataError: It is missing, corrupt, or of a format that this version does not read.
    """
    try:
        about = json.loads((folder / "set.json").read_text(encoding="utf-8"))
        table = (folder / "index.csv").read_text(encoding="utf-8")
        rows = tuple(parse_row(cells) for cells in csv.DictReader(io.StringIO(table)))
    except FileNotFoundError as error:
        raise DataError(
            f"No set at {folder}: {Path(error.filename).name} is missing. "
            f"Import it: blemish import SOURCE --name {folder.name}; or, where its .dvc file is "
            "known to git, bring it back: dvc checkout"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"The set at {folder} is corrupt: {error}. Import it again.") from error
    if about.get("format") != FORMAT:
        raise DataError(
            f"The set at {folder} has format {about.get('format')!r}; accepted: {FORMAT}. "
            "Import it again."
        )
    return ImageSet(folder, about, rows)
