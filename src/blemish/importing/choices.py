"""What a person may say about a source that its files do not."""

from dataclasses import dataclass
from typing import Literal

EmptyMasks = Literal["refuse", "free", "skip"]
"""What to make of an image whose folder promises a defect that its mask does not show."""

Exif = Literal["refuse", "shown", "stored"]
"""Which image masks were drawn on, where EXIF turns it and its size does not tell."""


@dataclass(frozen=True)
class Choices:
    """What a person may say about the photographs and masks of a source."""

    class_name: str | None = None
    """The class of every defect; else the layout says."""
    soft_masks: bool = False
    """Masks with shades of grey are cut above 127 instead of refused."""
    defect_values: tuple[int, ...] = ()
    """Values of mask files that mark a defect; empty: the one beside 0."""
    large_defects: bool = False
    """Masks that cover nearly the whole image are true, not inverted."""
    empty_masks: EmptyMasks = "refuse"
    """What to make of an empty mask where the folder promises a defect."""
    unmasked_free: bool = False
    """Photographs without a mask are defect-free instead of refused."""
    unmasked_skip: bool = False
    """Photographs without a mask are left out instead of refused."""
    exif: Exif = "refuse"
    bits: int | None = None
    """Depth of the camera, of 16-bit files that declare none."""
