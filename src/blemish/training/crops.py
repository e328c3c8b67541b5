"""Crops of training images: where they are cut, and what an epoch of synthetic ones shows.

Each crop has a generator of its own, seeded by the training's seed, the epoch and its number, so
that neither the order of work nor the number of processes changes a byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Plane
from blemish.augmentation import change_exposure, cut_crop, draw_view
from blemish.config.learning import Augmentation, Learning
from blemish.errors import DataError
from blemish.packed import PackedSet
from blemish.preprocessing import MODEL_SIZE

IGNORED = 2
"""In the truth of a crop: a pixel outside the region of interest; 0 and 1 are ground and defect."""

_ANCHORS = 64
"""Pixels of a defect remembered as possible centres of a crop."""

_JITTER = 0.4
"""Largest distance of a crop's centre from the pixel that it was chosen by, in crop sides."""

UNCHANGED = Augmentation(
    turn=1.0,
    warp=0.0,
    zoom=(1.0, 1.0),
    tone=0.0,
    invert=0.0,
    shade=0.0,
    blur=0.0,
    noise=0.0,
    jpeg=0.0,
)
"""Mirrored and turned by right angles alone."""


def evenly_spaced(count: int, at_most: int | None) -> Sequence[int]:
    """Return numbers below a count, at most so many, spread evenly."""
    if at_most is None or count <= at_most:
        return range(count)
    return [k * count // at_most for k in range(at_most)]


class CropSource(Protocol):
    """Draws the crops of an epoch by their numbers."""

    def draw(self, epoch: int, numbers: range) -> tuple[Plane, Plane]:
        """Return crops and their truth.

        Args:
            epoch: From 1.
            numbers: Which of the epoch's crops, from 0.

        Returns:
            Images and truth, each ``(len(numbers), 1, S, S)``, uint8; truth 0, 1 or ``IGNORED``.
        """
        ...


@dataclass(frozen=True)
class TrainingImage:
    """One training image in memory."""

    image: Plane
    """Shape ``(H, W)``, uint8."""
    mask: Plane
    """Same shape, 0 or 255."""
    anchors: tuple[NDArray[np.int64], ...] = ()
    """For each defect, flat indices of some of its pixels."""
    region: Plane | None = None
    """Same shape, 0 or 255: the region of interest; None is the whole image."""
    name: str = ""
    """Its id within its set."""
    group: str = ""
    """Of photographs of one part."""
    clean: bool = False
    """Whether it was declared defect-free, without a mask."""


def training_image(
    image: Plane, instances: NDArray[np.uint16], region: NDArray[np.bool_] | None = None
) -> TrainingImage:
    """Prepare an image for drawing crops of it.

    Args:
        image: Shape ``(H, W)``, uint8.
        instances: Same shape: 0, or ``k`` for the ``k``-th defect.
        region: Same shape; None is the whole image.
    """
    flat = instances.ravel()
    pixels = np.flatnonzero(flat)
    labels = flat[pixels]
    anchors = []
    for label in np.unique(labels):
        own = pixels[labels == label]
        anchors.append(own[:: max(1, len(own) // _ANCHORS)])
    shown = None if region is None else region.astype(np.uint8) * np.uint8(255)
    mask = np.where(instances > 0, np.uint8(255), np.uint8(0))
    return TrainingImage(np.ascontiguousarray(image), mask, tuple(anchors), shown)


def read_image(packed: PackedSet, index: int) -> TrainingImage:
    """Decode one image of a split."""
    annotation = packed.annotation(index)
    image = training_image(packed.image(index), packed.instances(index), packed.region(index))
    return replace(image, name=annotation.image_id, group=annotation.group, clean=annotation.clean)


def near_defect(rng: np.random.Generator, image: TrainingImage, size: int) -> tuple[float, float]:
    """Choose the centre of a crop near a defect of an image, every defect alike."""
    pixels = image.anchors[rng.integers(len(image.anchors))]
    y, x = divmod(int(pixels[rng.integers(len(pixels))]), image.image.shape[1])
    jitter = rng.uniform(-_JITTER, _JITTER, 2) * size
    return _inside(x + jitter[0], y + jitter[1], image, size)


def anywhere(rng: np.random.Generator, image: TrainingImage, size: int) -> tuple[float, float]:
    """Choose the centre of a crop anywhere in an image."""
    height, width = image.image.shape
    return _inside(rng.uniform(0, width), rng.uniform(0, height), image, size)


def cut(
    rng: np.random.Generator,
    image: TrainingImage,
    centre: tuple[float, float],
    size: int,
    augmentation: Augmentation = UNCHANGED,
) -> tuple[Plane, Plane]:
    """Cut a crop out of an image and change it as another photograph would look.

    Returns:
        Crop and truth, each ``(size, size)``, uint8.
    """
    crop, truth = cut_unexposed(rng, image, centre, size, augmentation)
    return change_exposure(rng, crop, augmentation), truth


def cut_unexposed(
    rng: np.random.Generator,
    image: TrainingImage,
    centre: tuple[float, float],
    size: int,
    augmentation: Augmentation,
) -> tuple[Plane, Plane]:
    """Cut a crop as ``cut`` does, with the grey levels of the photograph."""
    view = draw_view(rng, centre, size, augmentation)
    crop, truth = cut_crop(view, image.image, image.mask, size)
    if image.region is not None:
        _, inside = cut_crop(view, image.image, image.region, size)
        truth = np.where(inside > 0, truth, np.uint8(IGNORED))
    return crop, truth


def _inside(x: float, y: float, image: TrainingImage, size: int) -> tuple[float, float]:
    """Move a crop's centre so that little of an upright crop lies outside the image."""
    height, width = image.image.shape
    return _near_middle(x, width, size), _near_middle(y, height, size)


def _near_middle(place: float, side: int, size: int) -> float:
    """Limit one coordinate of a crop's centre.

    A side shorter than a crop is padded at its end when it is predicted; the crops of it lie at
    every place up to that one, so that a small photograph is not always seen at the same one.
    """
    padding = max(MODEL_SIZE - side, 0) if side < size else 0
    margin = min(size, side) / 2 - padding / 2
    return float(np.clip(place, margin, side - margin))


class SyntheticCrops:
    """Crops of synthetic images: a share near defects, the others anywhere.

    They are mirrored and turned only; what a camera does to them is in the images.

    Args:
        packed: The training split.
        params: Crop size, share of crops near defects, seed.
        at_most: Number of images, spread evenly over the split; None is all of them.

    Raises:
        DataError: No image of the split holds a defect.
    """

    def __init__(self, packed: PackedSet, params: Learning, at_most: int | None = None) -> None:
        self._params = params
        self.images = [read_image(packed, index) for index in evenly_spaced(len(packed), at_most)]
        self._defective = [image for image in self.images if image.anchors]
        if not self._defective:
            raise DataError(
                f"The synthetic training split holds {len(packed)} images and no defect; at least "
                "one is needed. Raise generate.images, then run: dvc repro"
            )

    def draw(self, epoch: int, numbers: range) -> tuple[Plane, Plane]:
        """Return crops and their truth, as ``CropSource`` says."""
        size = self._params.crop
        crops, truths = (np.empty((len(numbers), 1, size, size), np.uint8) for _ in range(2))
        for place, number in enumerate(numbers):
            rng = np.random.Generator(np.random.PCG64((self._params.seed, epoch, number)))
            crops[place, 0], truths[place, 0] = self.draw_one(rng)
        return crops, truths

    def draw_one(self, rng: np.random.Generator) -> tuple[Plane, Plane]:
        """Return one crop and its truth, each ``(S, S)``, uint8."""
        size = self._params.crop
        if rng.random() < self._params.defect_share:
            image = self._defective[rng.integers(len(self._defective))]
            return cut(rng, image, near_defect(rng, image, size), size)
        image = self.images[rng.integers(len(self.images))]
        return cut(rng, image, anywhere(rng, image, size), size)
