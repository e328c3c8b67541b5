"""One image of a set and its defects, and how each is written as a line of text."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask
from blemish.errors import DataError, ShapeError
from blemish.png import GreyPlane, encode_grey
from blemish.sets.regions import decode_region, decode_spans, encode_region

COLUMNS = ("image_id", "group", "width", "height", "defective", "clean", "attributes")
"""Of ``index.csv``."""
_SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True)
class LabelledDefect:
    """One defect: its class, its pixels (shape ``(H, W)``, bool) and, where known, how it shows."""

    class_name: str
    mask: Mask
    contrast_to_noise: float | None = None
    width_px: float | None = None


@dataclass(frozen=True)
class DefectMark:
    """A defect as runs of pixels (see :func:`~blemish.sets.regions.decode_spans`).

    Where many defects lie in a large image, their masks would not fit into memory.
    """

    class_name: str
    spans: NDArray[np.int64]
    contrast_to_noise: float | None
    width_px: float | None

    @property
    def area_px(self) -> int:
        """Its number of pixels."""
        return int((self.spans[:, 1] - self.spans[:, 0]).sum())


@dataclass(frozen=True)
class IndexRow:
    """One image of a set, as ``index.csv`` has it."""

    image_id: str
    group: str
    width: int
    height: int
    defective: bool
    attributes: Mapping[str, Any]
    clean: bool = False
    """Declared defect-free as a photograph, without a mask; else a mask labels it."""


@dataclass(frozen=True)
class EncodedImage:
    """One image ready to be written; made in a worker process, cheap to send to the writer."""

    row: IndexRow
    image_png: bytes
    mask_png: bytes
    defect_lines: tuple[str, ...]
    classes: tuple[str, ...]


def encode_image(
    image_id: str,
    image: GreyPlane,
    mask: Mask,
    *,
    group: str,
    defects: Iterable[LabelledDefect] = (),
    attributes: Mapping[str, Any] | None = None,
    clean: bool = False,
) -> EncodedImage:
    """Encode one image with its mask and defects, without touching the disk.

    Args:
        image_id: A safe stem, ``[A-Za-z0-9._-]``.
        image: Shape ``(H, W)``, uint8 or uint16.
        mask: Shape ``(H, W)``, bool; the union of the defects' masks.
        group: Images of one physical part share it.
        defects: Each with a mask of the same shape; taken one by one.
        attributes: Anything else to carry, as JSON values.
        clean: The photograph is declared defect-free, without a mask; it then has no defects.

    Raises:
        DataError: The id is not a safe stem, or the mask is not the union of the defects, or a
            clean image has some.
        ShapeError: Shapes or types differ from the above.
    """
    _check_sample(image_id, image, mask)
    height, width = mask.shape
    lines, classes, union = [], set(), np.zeros_like(mask)
    for defect in defects:
        _check_defect(image_id, defect, mask)
        lines.append(_defect_line(image_id, defect))
        classes.add(defect.class_name)
        union |= defect.mask
    if not np.array_equal(union, mask):
        raise DataError(f"{image_id}: the mask is not the union of its {len(lines)} defects.")
    defective = bool(mask.any())
    if clean and defective:
        raise DataError(f"{image_id} is declared clean, but its mask shows {len(lines)} defects.")
    return EncodedImage(
        row=IndexRow(image_id, group, width, height, defective, dict(attributes or {}), clean),
        image_png=encode_grey(image),
        mask_png=encode_grey(mask.astype(np.uint8) * 255),
        defect_lines=tuple(lines),
        classes=tuple(sorted(classes)),
    )


def _check_sample(image_id: str, image: GreyPlane, mask: Mask) -> None:
    if not _SAFE_ID.fullmatch(image_id):
        raise DataError(f"Image id {image_id!r} is no safe stem; accepted: letters, digits, . _ -")
    if image.shape != mask.shape or mask.dtype != np.bool_:
        raise ShapeError(
            f"{image_id}: image {image.shape} and mask {mask.dtype} {mask.shape} must share a "
            "shape (H, W), the mask being bool."
        )


def _check_defect(image_id: str, defect: LabelledDefect, mask: Mask) -> None:
    if defect.mask.shape != mask.shape or defect.mask.dtype != np.bool_:
        raise ShapeError(
            f"{image_id}: a defect's mask is {defect.mask.dtype} {defect.mask.shape}; "
            f"accepted: bool {mask.shape}."
        )


def _defect_line(image_id: str, defect: LabelledDefect) -> str:
    rle, box, area = encode_region(defect.mask)
    value = {
        "image_id": image_id,
        "class": defect.class_name,
        "bbox": box,
        "area_px": area,
        "rle": rle,
        "contrast_to_noise": defect.contrast_to_noise,
        "width_px": defect.width_px,
    }
    return json.dumps(value, allow_nan=False)


def index_cells(row: IndexRow) -> tuple[str | int, ...]:
    """Return a row in the order of :data:`COLUMNS`."""
    attributes = json.dumps(row.attributes, sort_keys=True, allow_nan=False, ensure_ascii=False)
    size = row.width, row.height
    return row.image_id, row.group, *size, int(row.defective), int(row.clean), attributes


def parse_row(cells: Mapping[str, str]) -> IndexRow:
    """Return the row that cells by column name describe."""
    return IndexRow(
        image_id=cells["image_id"],
        group=cells["group"],
        width=int(cells["width"]),
        height=int(cells["height"]),
        defective=cells["defective"] == "1",
        attributes=json.loads(cells["attributes"]),
        clean=cells.get("clean") == "1",  # sets imported before there were clean ones lack it
    )


def parse_defect(value: Mapping[str, Any]) -> LabelledDefect:
    """Return the defect of a line of ``defects.jsonl``, parsed; its region is decoded."""
    height, width = value["rle"]["size"]
    return LabelledDefect(
        class_name=value["class"],
        mask=decode_region(height, width, value["rle"]["counts"]),
        contrast_to_noise=value["contrast_to_noise"],
        width_px=value["width_px"],
    )


def parse_mark(value: Mapping[str, Any]) -> DefectMark:
    """Return the defect of a line of ``defects.jsonl``, parsed, as runs of pixels."""
    height, width = value["rle"]["size"]
    return DefectMark(
        class_name=value["class"],
        spans=decode_spans(height, width, value["rle"]["counts"]),
        contrast_to_noise=value["contrast_to_noise"],
        width_px=value["width_px"],
    )
