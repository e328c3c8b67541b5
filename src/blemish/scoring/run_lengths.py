"""Masks as run lengths, COCO's uncompressed form: column by column, beginning with the background.

``pycocotools.mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)`` reads
it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from blemish.arrays import Mask
from blemish.errors import ShapeError


def encode_mask(mask: Mask) -> npt.NDArray[np.int32]:
    """Return the lengths of the runs of a mask.

    Args:
        mask: Shape ``(H, W)``, bool, not empty.

    Returns:
        Pixels of background, of defect, of background, ... down the columns, from left to right;
        the first may be 0.
    """
    column = mask.ravel(order="F")
    borders = np.flatnonzero(column[1:] != column[:-1]) + 1
    runs = np.diff(np.concatenate(([0], borders, [column.size])))
    if column[0]:
        runs = np.concatenate(([0], runs))
    return runs.astype(np.int32)


def decode_mask(counts: Sequence[int] | npt.NDArray[np.int32], height: int, width: int) -> Mask:
    """Return the mask that has these run lengths.

    Args:
        counts: As :func:`encode_mask` returned them.
        height: Height of the image, pixels.
        width: Width of the image, pixels.

    Returns:
        Shape ``(height, width)``, bool.

    Raises:
        ShapeError: The runs do not fill the image.
    """
    lengths = np.asarray(counts, np.int64)
    if int(lengths.sum()) != height * width:
        raise ShapeError(
            f"Run lengths of {int(lengths.sum())} pixels are no mask of {height} x {width}."
        )
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape((height, width), order="F")
