"""All surfaces by all defects on one image, to look at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.config.generate import Generate
from blemish.damage.defect_classes import DEFECTS
from blemish.damage.surfaces import SURFACES
from blemish.synthesis.scene import Scene, draw

_TILE = 160  # px
_HEAD = 22  # px, the line of names
_SIDE = 74  # px, the column of names
_OUTLINE = (213, 94, 0)  # vermillion of Okabe and Ito's palette, told apart by every eye


def contact_sheet(params: Generate, *, outlines: bool = True) -> NDArray[np.uint8]:
    """Draw every surface with every defect, and once clean.

    Args:
        params: What the set looks like; images are drawn at its size, then shown small.
        outlines: Whether to draw the borders of the masks.

    Returns:
        Shape ``(H, W, 3)``, uint8 RGB: a row for each surface, a column for each defect.
    """
    columns = (None, *DEFECTS)
    sheet = np.full(
        (_HEAD + _TILE * len(SURFACES), _SIDE + _TILE * len(columns), 3), 255, dtype=np.uint8
    )
    for column, defect in enumerate(columns):
        _label(sheet, defect or "clean", (_SIDE + column * _TILE + 6, 16))
    for row, surface in enumerate(SURFACES):
        _label(sheet, surface, (4, _HEAD + row * _TILE + _TILE // 2))
        for column, defect in enumerate(columns):
            scene = _draw_cell(params, row * len(columns) + column, surface, defect)
            top, left = _HEAD + row * _TILE, _SIDE + column * _TILE
            sheet[top : top + _TILE, left : left + _TILE] = _thumbnail(scene, outlines=outlines)
    return sheet


def _draw_cell(params: Generate, index: int, surface: str, defect: str | None) -> Scene:
    if defect is None:
        params = params.model_copy(update={"clean_share": 1.0})
    return draw(params.seed, params, index, surface=surface, defect=defect)


def _label(sheet: NDArray[np.uint8], text: str, at: tuple[int, int]) -> None:
    cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)


def _thumbnail(scene: Scene, *, outlines: bool) -> NDArray[np.uint8]:
    """Return a scene as a small RGB image, one px of white between neighbours."""
    side = _TILE - 2
    small = cv2.resize(scene.image, (side, side), interpolation=cv2.INTER_AREA)
    image = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    if outlines and scene.mask.any():
        mask = cv2.resize(scene.mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA)
        borders, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(image, borders, -1, _OUTLINE, 1)
    return np.pad(np.asarray(image, np.uint8), ((1, 1), (1, 1), (0, 0)), constant_values=255)
