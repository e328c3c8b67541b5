"""What is known of a packed image besides its pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class PackedDefect:
    """One defect of a packed image; ``k`` in the instance map is the ``k``-th of them, from 1."""

    class_name: str
    area_px: int
    width_px: float | None = None
    contrast_to_noise: float | None = None


@dataclass(frozen=True)
class Annotation:
    """What is known of a packed image besides its pixels."""

    image_id: str
    set_name: str
    group: str
    width: int
    height: int
    defects: tuple[PackedDefect, ...]
    attributes: Mapping[str, Any]
    clean: bool = False
    """A photograph declared defect-free, without a mask; else a mask labels it."""
