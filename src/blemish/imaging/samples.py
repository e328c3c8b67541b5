"""Samples as a file stores them, and how they become one grey plane of 8 bits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.errors import ImageContentError
from blemish.greys import to_8_bit, to_luma

_DEEPEST = 16
_CAMERA_BITS = range(8, _DEEPEST + 1)


@dataclass(frozen=True)
class Samples:
    """What a decoder found."""

    values: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    """Grey ``(H, W)`` or RGB ``(H, W, 3)``, uint8 or uint16, without alpha."""
    bits: int | None
    """Depth that the file declares; None where it has 16 bits a sample and declares no depth."""
    white_is_zero: bool = False
    """The samples say how much ink there is, not how much light."""


def check_bits(bits: int | None) -> None:
    """Refuse a depth that no camera has.

    Raises:
        ImageContentError: It is not 8 to 16.
    """
    if bits is not None and bits not in _CAMERA_BITS:
        raise ImageContentError(f"bits={bits} was given; accepted: 8 to 16.")


def to_plane(
    samples: Samples, bits: int | None
) -> tuple[npt.NDArray[np.uint8], int, tuple[str, ...]]:
    """Bring samples to one grey plane.

    Args:
        samples: As stored.
        bits: Depth that the caller gives, 8 to 16, for a file that declares none.

    Returns:
        The plane ``(H, W)``, the depth that was used, and warnings, one sentence each.

    Raises:
        ImageContentError: The depths of caller, file and samples contradict each other.
    """
    declared, values = samples.bits, samples.values
    if bits is not None and declared not in (None, bits):
        raise ImageContentError(
            f"bits={bits} was given, but the image declares {declared} bits a sample; leave bits "
            "out: a depth that the image declares is honoured."
        )
    depth, brightest = bits or declared or _DEEPEST, int(values.max())
    _check_brightest(brightest, depth, "was given" if bits else "is declared")
    levels = to_8_bit(values, depth)
    plane = to_luma(levels) if levels.ndim == 3 else levels
    if samples.white_is_zero:
        plane = 255 - plane  # rounding is symmetric, so this equals inverting the samples
    warnings = _warn(brightest) if bits is None and declared is None else ()
    return plane, depth, warnings


def check_opaque(alpha: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], opaque: int) -> None:
    """Refuse an alpha channel that is anywhere below ``opaque``."""
    if int(alpha.min()) < opaque:
        raise transparent()


def transparent() -> ImageContentError:
    """Return the refusal of an image whose grey depends on what lies behind it."""
    return ImageContentError(
        "The image has transparent pixels, whose grey level is undefined; save it without alpha."
    )


def _check_brightest(brightest: int, depth: int, source: str) -> None:
    if brightest >= 1 << depth:
        raise ImageContentError(
            f"bits={depth} {source}, but the largest sample is {brightest}; at {depth} bits at "
            f"most {(1 << depth) - 1} is accepted. Give the depth that the image has."
        )


def _warn(largest: int) -> tuple[str, ...]:
    """Say that the top bits of a 16-bit image are never used."""
    used = max(largest.bit_length(), _CAMERA_BITS.start)
    if used == _DEEPEST:
        return ()
    warning = (
        f"The largest sample of this 16-bit image is {largest}: the top {_DEEPEST - used} bits are "
        f"never used. If its camera has {used} bits, give bits={used}."
    )
    return (warning,)
