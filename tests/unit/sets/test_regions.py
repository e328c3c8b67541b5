"""Regions as run lengths: ours and pycocotools' are the same."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from blemish.sets.regions import decode_region, encode_region

MASKS = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@given(MASKS)
def test_regions_come_back(mask: np.ndarray) -> None:
    """Encoding and decoding gives the mask, and pycocotools decodes the text to the same."""
    rle, box, area = encode_region(mask)
    assert np.array_equal(decode_region(*rle["size"], rle["counts"]), mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = coco.decode({"size": rle["size"], "counts": rle["counts"].encode()})
    assert np.array_equal(theirs, mask)
    assert area == mask.sum()
    if area:
        rows, columns = np.nonzero(mask)
        x, y, width, height = box
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width - 1, y + height - 1) == (columns.max(), rows.max())


def test_large_sparse_masks_come_back() -> None:
    """Runs that need several characters, and falling ones, survive."""
    mask = np.zeros((3000, 500), bool)
    mask[5:9, 400:450] = mask[2000:2900, 3] = True
    rle, _, area = encode_region(mask)
    assert np.array_equal(decode_region(3000, 500, rle["counts"]), mask)
    assert area == mask.sum()


@pytest.mark.parametrize("counts", ["", "1", "zz", "0000", "PPPPPP1"])
def test_corrupt_runs_are_refused(counts: str) -> None:
    """Runs that do not fill the mask are a ValueError, never a wrong mask."""
    with pytest.raises(ValueError, match="runs of"):
        decode_region(4, 5, counts)
