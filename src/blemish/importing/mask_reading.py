"""A file read as a mask or a region of interest, or the sentence that says why it is none."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.arrays import Mask, Plane
from blemish.errors import ImageError
from blemish.imaging import Limits, decode_image
from blemish.imaging.pillow import DECODER_FAULTS
from blemish.sets import describe_values

_VOID = 255  # of palette masks as PASCAL VOC writes them: a border that nobody labelled
_LABELS = 12  # more values than this are soft edges, not labels
_TINT = 16  # grey levels; lossy compression lets the channels of a grey image differ by fewer
_WHITE = 0.75  # of the range of grey levels: from here on a region of interest is white
_REGION_ADVICE = "accepted: white where the part is, black elsewhere; edges may be soft"
VOID_REMARK = "the palette mask has a void border of index 255, which is taken for no defect"


class MaskError(Exception):
    """A mask cannot be used; the sentence says why and what helps."""


@dataclass(frozen=True)
class MaskRules:
    """How the pixels of mask files are read."""

    soft: bool = False
    """Shades of grey and colour are cut above 127."""
    defect_values: tuple[int, ...] = ()
    """Values that mark a defect; empty: the one beside 0."""


@dataclass(frozen=True)
class ReadMask:
    """A mask file as a region, shape ``(H, W)``, bool, and what a person should know of it."""

    region: Mask
    remarks: tuple[str, ...] = ()


def read_mask(path: Path, rules: MaskRules, limits: Limits) -> ReadMask:
    """Read a mask file.

    Args:
        path: Path of the mask file.
        rules: How its pixels are read.
        limits: The largest image to decode.

    Raises:
        MaskError: It is unreadable, in colour, or of more than two values.
    """
    data, grey = _decode(path, limits)
    stored, bands, mode = _as_stored(data, grey)
    palette = mode == "P"
    if rules.defect_values:
        return ReadMask(np.isin(stored if bands == 1 else grey, rules.defect_values))
    if rules.soft and not palette:
        return ReadMask(grey > 127)
    if bands > 1:
        raise MaskError(
            f"a mask in colour ({mode}); accepted: one grey plane of two values, or use "
            "--soft-masks to cut its grey above 127"
        )
    return _two_values(stored, palette=palette)


def read_region(path: Path, limits: Limits) -> Mask:
    """Read a region of interest: what is brighter than half of the file's range of grey levels.

    A region is drawn by hand or saved as JPEG, so its edges may be soft. A palette is read by its
    colours: white is the part, whatever its index.

    Args:
        path: Path of the file.
        limits: The largest image to decode.

    Returns:
        Shape ``(H, W)``, bool; of a file of one level, all of it unless that is black.

    Raises:
        MaskError: It is unreadable, in colour, or mostly shades of grey.
    """
    data, grey = _decode(path, limits)
    stored, _, mode = _as_stored(data, grey)
    levels = grey if mode == "P" else stored
    if len(np.unique(levels)) > 2 and _is_coloured(data):
        raise MaskError(f"an image in colour ({mode}); {_REGION_ADVICE}")
    shares = _shares_of_range(levels)
    white, shaded = (shares > _WHITE).mean(), (abs(shares - 0.5) <= _WHITE - 0.5).mean()
    if shaded > white:
        raise MaskError(
            f"{shaded:.0%} of it is shades of grey and {white:.0%} is white; {_REGION_ADVICE}"
        )
    region: Mask = shares > 0.5
    return region


def _shares_of_range(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Scale levels from the darkest, 0.0, to the brightest, 1.0; a single one counts from black."""
    low, high = float(levels.min()), float(levels.max())
    low = low if low < high else 0.0
    return (levels - low) / max(high - low, 1.0)


def _is_coloured(data: bytes) -> bool:
    """Say whether the channels of an image differ; Pillow reads every image that has several."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            channels = np.asarray(image.convert("RGB"), np.int16)
    except DECODER_FAULTS:
        return False
    return int(np.ptp(channels, axis=-1).max()) > _TINT


def _as_stored(data: bytes, grey: Plane) -> tuple[NDArray[Any], int, str]:
    """Return the values that a mask stores, its bands and its mode by Pillow.

    Of a file that the decoder reads and Pillow does not, such as a TIFF of 12 bits, only the grey
    levels are known.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            indexed = image.mode == "P" or image.mode.startswith("I;16")
            return np.asarray(image) if indexed else grey, len(image.getbands()), image.mode
    except DECODER_FAULTS:
        return grey, 1, "L"


def _decode(path: Path, limits: Limits) -> tuple[bytes, Plane]:
    try:
        data = path.read_bytes()
        return data, decode_image(data, limits).plane
    except ImageError as error:
        raise MaskError(str(error)) from error
    except OSError as error:
        raise MaskError("missing" if not path.exists() else f"{error.strerror}") from error


def _two_values(levels: NDArray[Any], *, palette: bool) -> ReadMask:
    """Take the one value beside 0 for the defect."""
    values = np.unique(levels)
    marking = [int(value) for value in values if value]
    if palette and len(marking) == 2 and marking[1] == _VOID:
        return ReadMask(levels == marking[0], (VOID_REMARK,))
    if len(marking) > 1:
        raise MaskError(
            f"a mask of {describe_values(values)}; accepted: 0 and one other, or {_advice(marking)}"
        )
    return ReadMask(levels > 0)


def _advice(marking: Collection[int]) -> str:
    if len(marking) > _LABELS:
        return "use --soft-masks to cut it above 127"
    return (
        "use --defect-values to say which of them mark a defect (soft edges: --soft-masks cuts "
        "grey above 127)"
    )
