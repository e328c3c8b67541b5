"""Tests of blemish.synthesis.contact_sheet."""

import numpy as np
from unit.synthesis.recipe import recipe

from blemish.damage.defect_classes import DEFECTS
from blemish.damage.surfaces import SURFACES
from blemish.synthesis.contact_sheet import contact_sheet


def test_contact_sheet_shows_every_pair() -> None:
    """The sheet has a cell for each surface and defect, none of them blank."""
    sheet = contact_sheet(recipe(size=64))
    assert sheet.dtype == np.uint8
    rows, columns = len(SURFACES), len(DEFECTS) + 1
    tile = (sheet.shape[0] - 22) // rows
    for row in range(rows):
        for column in range(columns):
            top, left = 22 + row * tile, 74 + column * tile
            assert sheet[top + 4 : top + tile - 4, left + 4 : left + tile - 4].std() > 0
