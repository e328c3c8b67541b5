"""Writing one packed split."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask, Plane
from blemish.errors import DataError
from blemish.files import atomic_path, write_text
from blemish.packed.annotations import Annotation, PackedDefect
from blemish.png import encode_grey


@dataclass(frozen=True)
class PackedImage:
    """One image ready to be packed; made in a worker process, cheap to send to the writer."""

    annotation: Annotation
    image_png: bytes
    instances_png: bytes
    region_png: bytes | None = None
    """The region of interest, 0 and 255; None: the whole image."""


def pack_image(
    annotation: Annotation,
    image: Plane,
    instances: NDArray[np.integer[Any]],
    region: Mask | None = None,
) -> PackedImage:
    """Encode an image and its instance map.

    Args:
        annotation: Its identity; width, height and defects must be those of the arrays.
        image: Shape ``(H, W)``, uint8.
        instances: Shape ``(H, W)``, integers; 0 none, ``k`` the ``k``-th defect of the annotation.
        region: Shape ``(H, W)``, bool, the region of interest; None: the whole image. No defect
            may lie outside it, so that no reader need leave one out.

    Raises:
        DataError: Record and arrays contradict each other, or a defect lies outside the region.
    """
    size = (annotation.height, annotation.width)
    highest = int(instances.max(initial=0))
    shapes = {image.shape, instances.shape, size if region is None else region.shape}
    if shapes != {size} or highest > len(annotation.defects):
        raise DataError(
            f"{annotation.image_id}: an annotation of {size} with {len(annotation.defects)} "
            f"defects does not fit an image {image.shape} and instances {instances.shape} up to "
            f"{highest}."
        )
    if region is not None and instances[~region].any():
        outside = int((instances[~region] > 0).sum())
        raise DataError(
            f"{annotation.image_id}: {outside} pixels of its defects lie outside the region of "
            "interest; accepted: none."
        )
    narrow = np.uint8 if len(annotation.defects) < 256 else np.uint16
    return PackedImage(
        annotation,
        encode_grey(image),
        encode_grey(instances.astype(narrow)),
        None if region is None else encode_grey(region.astype(np.uint8) * 255),
    )


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
        self._regions: dict[bytes, list[int]] = {}
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
        annotation = packed.annotation
        entry: dict[str, Any] = {
            "image_id": annotation.image_id,
            "set": annotation.set_name,
            "group": annotation.group,
            "width": annotation.width,
            "height": annotation.height,
            "image": self._append(packed.image_png),
            "instances": self._append(packed.instances_png),
            "clean": annotation.clean,
            "defects": [_defect_value(defect) for defect in annotation.defects],
            "attributes": dict(annotation.attributes),
        }
        if packed.region_png is not None:
            entry["region"] = self._append_region(packed.region_png)
        self._entries.append(entry)

    def _append_region(self, data: bytes) -> list[int]:
        """Store a region once, however many images share it."""
        if data not in self._regions:
            self._regions[data] = self._append(data)
        return self._regions[data]

    def _append(self, data: bytes) -> list[int]:
        position = [self._offset, len(data)]
        self._stream.write(data)
        self._offset += len(data)
        return position


def _defect_value(defect: PackedDefect) -> dict[str, Any]:
    value = asdict(defect)
    return {"class": value.pop("class_name"), **value}
