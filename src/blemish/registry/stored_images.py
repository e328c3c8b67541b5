"""What a run keeps for judging its model: test images, masks and per-image results."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from blemish.errors import NotFoundError
from blemish.imaging import decode_image
from blemish.metrics.pixels import Counts

_MASK_LEVEL = 127


@dataclass(frozen=True)
class ImageResult:
    """How a model did on one test image, at its own threshold.

    Attributes:
        image_id: Safe stem of the image's name.
        set_name: Set that it comes from.
        group: Physical part that it shows.
        classes: Classes of its defects; empty when it is free.
        counts: Pixels found, falsely marked, missed and rightly left.
    """

    image_id: str
    set_name: str
    group: str
    classes: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True)
class StoredImage:
    """A test image with its true mask, as the store has them.

    Attributes:
        image_id: Safe stem of the image's name.
        set_name: Set that it comes from.
        group: Physical part that it shows.
        classes: Classes of its defects; empty when it is free.
        image_path: The picture on this host.
        mask_path: Its true mask on this host.
    """

    image_id: str
    set_name: str
    group: str
    classes: tuple[str, ...]
    image_path: Path
    mask_path: Path

    def plane(self) -> npt.NDArray[np.uint8]:
        """Read the image: shape ``(H, W)``, uint8."""
        return decode_image(self.image_path.read_bytes()).plane

    def mask(self) -> npt.NDArray[np.bool_]:
        """Read the true mask: shape ``(H, W)``, bool."""
        truth: npt.NDArray[np.bool_] = decode_image(self.mask_path.read_bytes()).plane > _MASK_LEVEL
        return truth


def read_results(folder: Path) -> tuple[ImageResult, ...]:
    """Read ``per_image.csv`` in the folder that evaluate wrote.

    Raises:
        NotFoundError: It is missing or torn.
    """
    path = folder / "per_image.csv"
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return tuple(_result(row) for row in csv.DictReader(stream))
    except (OSError, KeyError, ValueError) as error:
        raise NotFoundError(
            f"The per-image results at {path} cannot be read: {error}. Record them: blemish sync"
        ) from error


def stored_images(folder: Path) -> Iterator[StoredImage]:
    """Yield the test images kept in the folder that evaluate wrote, by name.

    Raises:
        NotFoundError: ``per_image.csv`` is missing or torn.
    """
    for result in read_results(folder):
        image = folder / "test_images" / f"{result.image_id}.png"
        mask = folder / "test_masks" / f"{result.image_id}.png"
        if image.is_file() and mask.is_file():
            yield StoredImage(
                result.image_id, result.set_name, result.group, result.classes, image, mask
            )


def _result(row: dict[str, str]) -> ImageResult:
    counts = Counts(*(int(float(row[key])) for key in ("tp", "fp", "fn", "tn")))
    return ImageResult(row["image_id"], row["set"], row["group"], _classes(row["classes"]), counts)


def _classes(text: str) -> tuple[str, ...]:
    """Read a list of classes: JSON, or names with one of ``;,|`` or spaces between."""
    if text.startswith("["):
        return tuple(sorted(set(json.loads(text))))
    for separator in ";,|":
        text = text.replace(separator, " ")
    return tuple(sorted(set(text.split())))
