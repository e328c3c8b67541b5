"""Reading one packed split."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask, Plane
from blemish.errors import DataError
from blemish.packed.annotations import Annotation, PackedDefect
from blemish.png import decode_grey


@dataclass(frozen=True)
class PackedSet:
    """One packed split, memory-mapped; safe to share between threads and to send to workers."""

    folder: Path
    split: str
    _entries: Sequence[dict[str, Any]] = field(repr=False)
    _data: NDArray[np.uint8] = field(repr=False)

    @classmethod
    def open(cls, folder: Path, split: str) -> "PackedSet":
        """Open a split.

        Args:
            folder: The folder that preprocess wrote.
            split: ``train``, ``val`` or ``test``.

        Raises:
            DataError: It is missing or corrupt.
        """
        binary = folder / f"{split}.bin"
        try:
            entries = json.loads((folder / f"{split}.json").read_text(encoding="utf-8"))["images"]
            empty = binary.stat().st_size == 0
        except FileNotFoundError as error:
            raise DataError(
                f"No split {split!r} at {folder}: {Path(error.filename).name} is missing. "
                "Make it: dvc repro preprocess"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder}/{split}.json is corrupt. Run: blemish doctor") from error
        data = np.zeros(0, np.uint8) if empty else np.memmap(binary, np.uint8, mode="r")
        return cls(folder, split, entries, data)

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return PackedSet.open, (self.folder, self.split)

    def __len__(self) -> int:
        return len(self._entries)

    def image(self, index: int) -> Plane:
        """Return image ``index``, shape ``(H, W)``, uint8."""
        return self._plane(index, "image").astype(np.uint8, copy=False)

    def instances(self, index: int) -> NDArray[np.uint16]:
        """Return the instance map: shape ``(H, W)``, uint16; ``k`` is the ``k``-th defect.

        It is 0 where there is no defect, and outside the region of interest.
        """
        return self._plane(index, "instances").astype(np.uint16, copy=False)

    def mask(self, index: int) -> Mask:
        """Return the mask of image ``index``, shape ``(H, W)``, bool."""
        return self._plane(index, "instances") > 0

    def region(self, index: int) -> Mask | None:
        """Return the region of interest, shape ``(H, W)``, bool; None: the whole image."""
        return self._plane(index, "region") > 0 if "region" in self._entries[index] else None

    def annotation(self, index: int) -> Annotation:
        """Return what is known of image ``index``."""
        entry = self._entries[index]
        return Annotation(
            image_id=entry["image_id"],
            set_name=entry["set"],
            group=entry["group"],
            width=entry["width"],
            height=entry["height"],
            defects=tuple(_parse_defect(value) for value in entry["defects"]),
            attributes=entry["attributes"],
            clean=entry["clean"],
        )

    def _plane(self, index: int, part: str) -> NDArray[Any]:
        entry = self._entries[index]
        offset, length = entry[part]
        name = f"{entry['image_id']} in {self.split}.bin"
        return decode_grey(self._data[offset : offset + length], name)


def _parse_defect(value: dict[str, Any]) -> PackedDefect:
    return PackedDefect(
        class_name=value["class"],
        area_px=value["area_px"],
        width_px=value["width_px"],
        contrast_to_noise=value["contrast_to_noise"],
    )
