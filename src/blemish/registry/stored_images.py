"""Images that a run keeps with their masks and results: for the gate, and to look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blemish.arrays import Mask, Plane
from blemish.errors import NotFoundError
from blemish.imaging import decode_image
from blemish.metrics import ImageRow, read_image_rows

_MASK_LEVEL = 127
Split = Literal["test", "val"]
RESULTS: Mapping[Split, str] = {"test": "per_image.csv", "val": "per_image_val.csv"}


@dataclass(frozen=True)
class StoredImage:
    """An image with its true mask and its region of interest, as the store has them.

    Attributes:
        image_id: Safe stem of the image's name.
        set_name: Set that it comes from.
        group: Physical part that it shows; unique within its set.
        classes: Classes of its defects; empty when it is defect-free.
        image_path: The image on this host.
        mask_path: Its true mask on this host.
        clean: Whether it was declared defect-free, without a mask.
        region_path: Its region of interest on this host; None: the whole image.
    """

    image_id: str
    set_name: str
    group: str
    classes: tuple[str, ...]
    image_path: Path
    mask_path: Path
    clean: bool = False
    region_path: Path | None = None

    def plane(self) -> Plane:
        """Read the image: shape ``(H, W)``, uint8."""
        return decode_image(self.image_path.read_bytes()).plane

    def mask(self) -> Mask:
        """Read the true mask: shape ``(H, W)``, bool."""
        return _read_mask(self.mask_path)

    def region(self) -> Mask | None:
        """Read the region of interest: shape ``(H, W)``, bool; None: the whole image."""
        return None if self.region_path is None else _read_mask(self.region_path)


def _read_mask(path: Path) -> Mask:
    mask: Mask = decode_image(path.read_bytes()).plane > _MASK_LEVEL
    return mask


def read_results(folder: Path, split: Split = "test") -> tuple[ImageRow, ...]:
    """Read the results by image of a split, in the folder that evaluate wrote.

    Raises:
        NotFoundError: It is missing or corrupt.
    """
    path = folder / RESULTS[split]
    try:
        return read_image_rows(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"The per-image results at {path} cannot be read: {error}. Record them: blemish sync"
        ) from error


def stored_images(folder: Path, split: Split = "test") -> Iterator[StoredImage]:
    """Yield the images of a split that are kept in the folder that evaluate wrote, by name.

    Raises:
        NotFoundError: Their results are missing or corrupt.
    """
    for row in read_results(folder, split):
        image = folder / f"{split}_images" / f"{row.image_id}.png"
        mask = folder / f"{split}_masks" / f"{row.image_id}.png"
        region = folder / f"{split}_regions" / f"{row.image_id}.png"
        if "/" not in row.image_id and image.is_file() and mask.is_file():
            yield StoredImage(
                image_id=row.image_id,
                set_name=row.set_name,
                group=row.group,
                classes=row.classes,
                image_path=image,
                mask_path=mask,
                clean=row.clean,
                region_path=region if region.is_file() else None,
            )
