"""Packed splits: what training reads, two files a split instead of thousands.

``<split>.bin`` holds PNG files end to end; ``<split>.json`` says where each begins, how long it
is, and what the image is. DVC hashes and restores few files fast, and a reader seeks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from blemish.datasets.png import decode_grey, encode_grey
from blemish.errors import DataError
from blemish.files import atomic_path, write_text

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class PackedDefect:
    """One defect of a packed image; ``k`` in the instance map is the ``k``-th of them, from 1."""

    class_name: str
    area_px: int
    width_px: float | None = None
    contrast_to_noise: float | None = None


@dataclass(frozen=True)
class PackedRecord:
    """What is known of a packed image besides its pixels."""

    image_id: str
    set_name: str
    group: str
    width: int
    height: int
    defects: tuple[PackedDefect, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class PackedImage:
    """One image ready to be packed; made in a worker process, cheap to send to the writer."""

    record: PackedRecord
    image_png: bytes
    instances_png: bytes


def pack_image(
    record: PackedRecord, image: NDArray[np.uint8], instances: NDArray[np.integer[Any]]
) -> PackedImage:
    """Encode an image and its instance map.

    Args:
        record: Its identity; width, height and defects must be those of the arrays.
        image: Shape ``(H, W)``, uint8.
        instances: Shape ``(H, W)``, integers; 0 free, ``k`` the ``k``-th defect of the record.

    Raises:
        DataError: Record and arrays contradict each other.
    """
    size = (record.height, record.width)
    highest = int(instances.max(initial=0))
    if image.shape != size or instances.shape != size or highest > len(record.defects):
        raise DataError(
            f"{record.image_id}: a record of {size} with {len(record.defects)} defects does not "
            f"fit an image {image.shape} and instances {instances.shape} up to {highest}."
        )
    narrow = np.uint8 if len(record.defects) < 256 else np.uint16
    return PackedImage(record, encode_grey(image), encode_grey(instances.astype(narrow)))


class PackedWriter:
    """Writes one split; both files appear when the ``with`` block ends without an error.

    Args:
        folder: Where ``<split>.bin`` and ``<split>.json`` go.
        split: ``train``, ``val`` or ``test``.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self._index = folder / f"{split}.json"
        self._atomic = atomic_path(folder / f"{split}.bin")
        self._entries: list[dict[str, Any]] = []
        self._offset = 0
        self._stream: BinaryIO

    def __enter__(self) -> Self:
        self._stream = self._atomic.__enter__().open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        self._atomic.__exit__(kind, error, trace)
        if error is None:
            lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in self._entries)
            write_text(self._index, f'{{"images": [\n{lines}\n]}}\n')

    def add(self, packed: PackedImage) -> None:
        """Append one image; the order of calls is the order of the split."""
        record = packed.record
        self._entries.append(
            {
                "image_id": record.image_id,
                "set": record.set_name,
                "group": record.group,
                "width": record.width,
                "height": record.height,
                "image": self._append(packed.image_png),
                "instances": self._append(packed.instances_png),
                "defects": [_defect_value(defect) for defect in record.defects],
                "attributes": dict(record.attributes),
            }
        )

    def _append(self, data: bytes) -> list[int]:
        position = [self._offset, len(data)]
        self._stream.write(data)
        self._offset += len(data)
        return position


def _defect_value(defect: PackedDefect) -> dict[str, Any]:
    value = asdict(defect)
    return {"class": value.pop("class_name"), **value}


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
            DataError: It is missing or torn.
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
            raise DataError(f"{folder}/{split}.json is torn. Run: blemish doctor") from error
        data = np.zeros(0, np.uint8) if empty else np.memmap(binary, np.uint8, mode="r")
        return cls(folder, split, entries, data)

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return PackedSet.open, (self.folder, self.split)

    def __len__(self) -> int:
        return len(self._entries)

    def image(self, index: int) -> NDArray[np.uint8]:
        """Return image ``index``, shape ``(H, W)``, uint8."""
        return self._plane(index, "image").astype(np.uint8, copy=False)

    def instances(self, index: int) -> NDArray[np.uint16]:
        """Return the instance map: shape ``(H, W)``, uint16, 0 free, ``k`` the ``k``-th defect."""
        return self._plane(index, "instances").astype(np.uint16, copy=False)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return the mask of image ``index``, shape ``(H, W)``, bool."""
        return self._plane(index, "instances") > 0

    def record(self, index: int) -> PackedRecord:
        """Return what is known of image ``index``."""
        entry = self._entries[index]
        return PackedRecord(
            image_id=entry["image_id"],
            set_name=entry["set"],
            group=entry["group"],
            width=entry["width"],
            height=entry["height"],
            defects=tuple(_parse_defect(value) for value in entry["defects"]),
            attributes=entry["attributes"],
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
