"""Regions of pixels as COCO's compressed run lengths.

Encoding is pycocotools'. Its decoder hands NumPy an ``__array__`` of the old kind, which NumPy 2
warns about and will refuse; decoding is therefore done here, and needs NumPy alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask

_BITS = 5  # of a number that one character carries
_MORE, _SIGN = 1 << _BITS, 1 << (_BITS - 1)
_FIRST = ord("0")


def encode_region(mask: Mask) -> tuple[dict[str, Any], list[int], int]:
    """Return the run lengths of a mask, its box ``[x, y, w, h]`` and its area in pixels.

    Args:
        mask: Shape ``(H, W)``, bool.
    """
    from pycocotools import mask as coco  # noqa: PLC0415 - only who writes sets has it

    encoded = coco.encode(np.asfortranarray(mask.view(np.uint8)))
    box = [int(edge) for edge in coco.toBbox(encoded)]
    counts = encoded["counts"].decode("ascii")
    return {"size": list(mask.shape), "counts": counts}, box, int(coco.area(encoded))


def decode_region(height: int, width: int, counts: str) -> Mask:
    """Return the mask that compressed run lengths describe.

    Args:
        height: In pixels.
        width: In pixels.
        counts: See :func:`decode_spans`.

    Returns:
        Shape ``(height, width)``, bool.

    Raises:
        ValueError: The text is no such code, or the runs do not add up to the pixels.
    """
    mask = np.zeros(height * width, np.bool_)
    for start, end in decode_spans(height, width, counts):
        mask[start:end] = True
    return mask.reshape(width, height).T.copy()


def decode_spans(height: int, width: int, counts: str) -> NDArray[np.int64]:
    """Return where the runs of defective pixels begin and end, counted column by column.

    Args:
        height: Of the mask, in pixels.
        width: Of the mask, in pixels.
        counts: Numbers of pixels outside and inside in turn, column by column, as COCO writes
            them: five bits a character, least first, from the third on as differences.

    Returns:
        Shape ``(runs, 2)``, first pixel and one past the last.

    Raises:
        ValueError: The text is no such code, or the runs do not add up to the pixels.
    """
    runs = _parse_runs(counts)
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"runs of {sum(runs)} pixels for a mask of {height} x {width}")
    edges = np.cumsum(runs, dtype=np.int64)
    edges = edges[: len(edges) // 2 * 2]
    return edges.reshape(-1, 2)


def _parse_runs(counts: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - _FIRST
        if not 0 <= code < 2 * _MORE:
            raise ValueError(f"{character!r} among the runs of a mask")
        value |= (code & (_MORE - 1)) << shift
        shift += _BITS
        if not code & _MORE:
            if code & _SIGN:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    return runs
