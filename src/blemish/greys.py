"""Grey levels: samples of any depth to 8 bits, and colour to luma; the only place that does it."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def to_8_bit(
    samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], bits: int
) -> npt.NDArray[np.uint8]:
    """Scale samples of ``0..2**bits - 1`` to 0..255, rounded to the nearest.

    Args:
        samples: Any shape; none is above ``2**bits - 1``.
        bits: Depth of the samples, 1 to 16.

    Returns:
        The same shape; the samples themselves where they have 8 bits in uint8 already.
    """
    if bits == 8:
        return samples.astype(np.uint8, copy=False)
    return _levels(bits)[samples]


@functools.cache
def _levels(bits: int) -> npt.NDArray[np.uint8]:
    """Return the 8-bit level of each sample: ``round(v * 255 / (2**bits - 1))``, never a tie."""
    most = (1 << bits) - 1
    return ((np.arange(most + 1, dtype=np.uint32) * 510 + most) // (2 * most)).astype(np.uint8)


def to_luma(rgb: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Turn colour to ITU-R BT.601 luma, ``(19595 R + 38470 G + 7471 B + 32768) >> 16``.

    Args:
        rgb: Shape ``(H, W, 3)``, uint8.

    Returns:
        Shape ``(H, W)``.
    """
    image = Image.fromarray(np.ascontiguousarray(rgb), "RGB")
    return np.array(image.convert("L"), dtype=np.uint8)
