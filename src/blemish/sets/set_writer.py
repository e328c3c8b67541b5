"""Writing a set in the one layout on disk, whole or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from blemish.arrays import Mask
from blemish.errors import DataError
from blemish.files import csv_text, whole_folder, write_bytes, write_json, write_text
from blemish.png import GreyPlane, encode_grey
from blemish.sets.index_rows import (
    COLUMNS,
    EncodedImage,
    IndexRow,
    LabelledDefect,
    encode_image,
    index_cells,
)
from blemish.sets.layout import FORMAT, REGION_FILE, ImageSet, read_set


class SetWriter:
    """Writes a set; the folder appears, whole, when the ``with`` block ends without an error.

    Args:
        folder: Where the set goes; an existing one is replaced.
        name: What the set is called.
        source_layout: Where it comes from: ``synthetic``, or the layout it was imported from.
    """

    def __init__(self, folder: Path, name: str, source_layout: str) -> None:
        self._whole = whole_folder(folder)
        self._about: dict[str, Any] = {
            "name": name,
            "format": FORMAT,
            "source_layout": source_layout,
        }
        self._entries: dict[str, tuple[IndexRow, tuple[str, ...]]] = {}
        self._classes: set[str] = set()
        self.partial = Path()
        """The folder being written, inside the ``with`` block."""

    def __enter__(self) -> Self:
        self.partial = self._whole.__enter__()
        (self.partial / "images").mkdir()
        (self.partial / "masks").mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self.written()
            except BaseException as failure:
                self._whole.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._whole.__exit__(kind, error, trace)

    def add(
        self,
        image_id: str,
        image: GreyPlane,
        mask: Mask,
        *,
        group: str,
        defects: Iterable[LabelledDefect] = (),
        attributes: Mapping[str, Any] | None = None,
        clean: bool = False,
    ) -> None:
        """Encode and write one image; see :func:`encode_image`."""
        self.add_encoded(
            encode_image(
                image_id,
                image,
                mask,
                group=group,
                defects=defects,
                attributes=attributes,
                clean=clean,
            )
        )

    def add_encoded(self, encoded: EncodedImage) -> None:
        """Write one image that a worker has encoded; the order of calls changes no byte.

        Raises:
            DataError: Its id was added before.
        """
        image_id = encoded.row.image_id
        if image_id in self._entries:
            raise DataError(f"Image id {image_id!r} was added twice.")
        (self.partial / "images" / f"{image_id}.png").write_bytes(encoded.image_png)
        (self.partial / "masks" / f"{image_id}.png").write_bytes(encoded.mask_png)
        self._entries[image_id] = (encoded.row, encoded.defect_lines)
        self._classes.update(encoded.classes)

    def regroup(self, groups: Mapping[str, str]) -> None:
        """Give the images of each group the group that it has become."""
        for image_id, (row, lines) in self._entries.items():
            joined = replace(row, group=groups.get(row.group, row.group))
            self._entries[image_id] = joined, lines

    def describe(self, **about: Any) -> None:
        """Add keys to ``set.json``."""
        self._about.update(about)

    def add_region(self, region: Mask) -> None:
        """Write the region of interest of every image, shape ``(H, W)`` as theirs."""
        self.add_file(REGION_FILE, encode_grey(region.astype(np.uint8) * 255))
        self.describe(region=True)

    def add_file(self, name: str, data: bytes) -> None:
        """Write one more file at the top of the set, such as ``contact_sheet.png``."""
        write_bytes(self.partial / name, data)

    def written(self) -> ImageSet:
        """Write the indexes of what was added, and return it to be looked at."""
        entries = [self._entries[image_id] for image_id in sorted(self._entries)]
        table = csv_text(COLUMNS, (index_cells(row) for row, _ in entries))
        lines = [line + "\n" for _, defect_lines in entries for line in defect_lines]
        write_text(self.partial / "index.csv", table)
        write_text(self.partial / "defects.jsonl", "".join(lines))
        totals = {"images": len(entries), "classes": sorted(self._classes)}
        write_json(self.partial / "set.json", self._about | totals)
        return read_set(self.partial)
