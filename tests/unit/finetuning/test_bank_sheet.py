"""Tests of blemish.finetuning.bank_sheet."""

import numpy as np

from blemish.finetuning.bank_sheet import bank_sheet
from blemish.photographs.bank import DrawnPhotograph


def drawn(index: int) -> DrawnPhotograph:
    rng = np.random.default_rng(index)
    image = rng.integers(0, 255, (90, 60), dtype=np.uint8)
    instances = np.zeros((90, 60), np.uint16)
    instances[20:40, 10:50] = 1
    return DrawnPhotograph(index, f"part_{index}", image, instances, ("patch",))


def test_sheet_shows_every_image() -> None:
    """The sheet has a cell for each image, none of them blank."""
    sheet = bank_sheet([drawn(index) for index in range(7)], columns=3)
    assert sheet.dtype == np.uint8
    cells = [
        sheet[r * 236 : r * 236 + 120, c * 220 : c * 220 + 100] for r in range(3) for c in range(3)
    ]
    assert all(cell.std() > 0 for cell in cells[:7])
