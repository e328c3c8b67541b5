"""Photographs with drawn defects on one sheet, to look at."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.photographs.bank import DrawnPhotograph

_TILE = 220  # px
_CAPTION = 16  # px, below each image
_OUTLINE = (213, 94, 0)  # vermillion of Okabe and Ito's palette, told apart by every eye


def bank_sheet(
    bank: Sequence[DrawnPhotograph], *, columns: int = 6, outlines: bool = True
) -> NDArray[np.uint8]:
    """Lay out images of a bank, each with the borders of its masks, source and classes.

    Args:
        bank: At least one image.
        columns: Images in a row.
        outlines: Whether to draw the borders of the masks.

    Returns:
        Shape ``(H, W, 3)``, uint8, RGB.
    """
    rows = -(-len(bank) // columns)
    columns = min(columns, len(bank))
    sheet = np.full((rows * (_TILE + _CAPTION), columns * _TILE, 3), 255, dtype=np.uint8)
    for place, drawn in enumerate(bank):
        row, column = divmod(place, columns)
        top, left = row * (_TILE + _CAPTION), column * _TILE
        image = _thumbnail(drawn, outlines=outlines)
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
        caption = f"{drawn.source}: {', '.join(sorted(set(drawn.classes)))}"
        at = (left + 2, top + _TILE + 11)
        cv2.putText(
            sheet, caption[:40], at, cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 1, cv2.LINE_AA
        )
    return sheet


def _thumbnail(drawn: DrawnPhotograph, *, outlines: bool) -> NDArray[np.uint8]:
    """Return an image as a small RGB one, with the borders of its masks."""
    scale = (_TILE - 2) / max(drawn.image.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(drawn.image, None, fx=scale, fy=scale, interpolation=method)
    colour = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    if outlines:
        mask = cv2.resize(drawn.mask, small.shape[::-1], interpolation=cv2.INTER_LINEAR)
        borders, _ = cv2.findContours(
            (mask > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(colour, borders, -1, _OUTLINE, 1)
    return np.asarray(colour, dtype=np.uint8)
