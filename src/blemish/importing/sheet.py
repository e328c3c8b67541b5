"""The contact sheet of a set: some of its images, their defects outlined and named."""

from collections import defaultdict

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.sets import ImageSet

_CELL = 192  # pixels
_CAPTION = 16
_DEFECT_FREE = 4  # one cell in four shows a defect-free image
_OUTLINE = (240, 228, 66)  # yellow of Okabe and Ito, seen by everyone, on grey


def contact_sheet(images: ImageSet, columns: int = 8, rows: int = 4) -> NDArray[np.uint8]:
    """Draw some images of a set: every class in turn, then defect-free ones, spread over the set.

    Args:
        images: The set; at least one image.
        columns: Cells in a row.
        rows: Rows at most.

    Returns:
        Shape ``(h, w, 3)``, uint8, RGB.
    """
    chosen = _choose(images, columns * rows)
    height = -(-len(chosen) // columns) * (_CELL + _CAPTION)
    sheet = np.full((height, min(columns, len(chosen)) * _CELL, 3), 255, np.uint8)
    for cell, index in enumerate(chosen):
        top, left = cell // columns * (_CELL + _CAPTION), cell % columns * _CELL
        sheet[top : top + _CELL + _CAPTION, left : left + _CELL] = _draw(images, index)
    return sheet


def encode_sheet(sheet: NDArray[np.uint8]) -> bytes:
    """Return a sheet as a PNG."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1])


def _choose(images: ImageSet, count: int) -> list[int]:
    by_class: dict[str, list[int]] = defaultdict(list)
    defect_free = []
    for index, row in enumerate(images.rows):
        names = images.classes_of(row.image_id)
        for name in names:
            by_class[name].append(index)
        if not names:
            defect_free.append(index)
    shown_free = (
        _spread(defect_free, min(len(defect_free), count // _DEFECT_FREE))
        if by_class
        else defect_free
    )
    room = count - len(shown_free)
    turns = [_spread(by_class[name], room) for name in sorted(by_class)]
    longest = max((len(turn) for turn in turns), default=0)
    dealt = [turn[k] for k in range(longest) for turn in turns if k < len(turn)]
    return list(dict.fromkeys(dealt))[:room] + shown_free[:count]


def _spread(indexes: list[int], count: int) -> list[int]:
    """Return ``count`` of the indexes, evenly spread."""
    count = min(count, len(indexes))
    return [indexes[(2 * k + 1) * len(indexes) // (2 * count)] for k in range(count)]


def _draw(images: ImageSet, index: int) -> NDArray[np.uint8]:
    row = images.rows[index]
    plane, mask = images.image(index), images.mask(index).astype(np.uint8)
    grey = (plane // 257).astype(np.uint8) if plane.dtype == np.uint16 else plane
    factor = (_CELL - 2) / max(row.height, row.width)
    size = max(1, round(row.width * factor)), max(1, round(row.height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.cvtColor(cv2.resize(grey, size, interpolation=method), cv2.COLOR_GRAY2RGB)
    outline, _ = cv2.findContours(
        cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_NONE,
    )
    cv2.drawContours(image, outline, -1, _OUTLINE, 1)
    cell = np.full((_CELL + _CAPTION, _CELL, 3), 255, np.uint8)
    bottom = _CELL - 1  # images stand on their captions, however flat
    cell[bottom - size[1] : bottom, 1 : size[0] + 1] = image
    plain = "clean" if row.clean else "defect-free"
    caption = ", ".join(sorted(images.classes_of(row.image_id))) or plain
    at = (2, _CELL + _CAPTION - 5)
    cv2.putText(cell, caption[:28], at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return cell
