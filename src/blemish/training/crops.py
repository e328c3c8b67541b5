"""Which crops an epoch shows: balanced over sets, and between defects and everything else.

Each crop has a generator of its own, seeded by the training's seed, the epoch and its number, so
that neither the order of work nor the number of processes changes a byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemish.augmentation import Plane, draw_view, expose, look
from blemish.config.train import Augmentation, Train
from blemish.errors import DataError, ParamsError
from blemish.packed import PackedSet

_ANCHORS = 64
"""Pixels of a defect remembered as possible centres of a crop."""

_UNCHANGED = Augmentation(
    sets={},
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


@dataclass(frozen=True)
class Picture:
    """One training image in memory."""

    image: Plane
    """Shape ``(H, W)``, uint8."""
    mask: Plane
    """Same shape, 0 or 255."""
    anchors: tuple[NDArray[np.int64], ...]
    """For each defect, flat indices of some of its pixels."""


@dataclass(frozen=True)
class Pool:
    """The training images of one set."""

    name: str
    pictures: tuple[Picture, ...]
    defective: tuple[int, ...]
    """Indices of the pictures that hold a defect."""


def load_pools(packed: PackedSet) -> tuple[Pool, ...]:
    """Decode a split into memory, set by set in the order of their names.

    Raises:
        DataError: The split holds no defect: there is nothing to learn.
    """
    members: dict[str, list[Picture]] = {}
    for index in range(len(packed)):
        members.setdefault(packed.record(index).set_name, []).append(_read(packed, index))
    pools = tuple(
        Pool(name, tuple(pictures), tuple(i for i, p in enumerate(pictures) if p.anchors))
        for name, pictures in sorted(members.items())
    )
    if not any(pool.defective for pool in pools):
        raise DataError(
            f"The training split holds {len(packed)} images and no defect; at least one is "
            "needed. Raise generate.images or choose other preprocess.real_sets."
        )
    return pools


def shares(pools: tuple[Pool, ...], mixture: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the share of crops drawn from each pool.

    Args:
        pools: The sets there are.
        mixture: Weight by set name; a set not named has weight 1.

    Raises:
        ParamsError: The mixture names a set that is not there, or leaves none.
    """
    names = [pool.name for pool in pools]
    weights = np.array([mixture.get(name, 1.0) for name in names])
    if set(mixture) - set(names) or weights.sum() <= 0:
        raise ParamsError(
            f"The mixture {dict(mixture)} does not fit the sets {names}; name only these, and "
            "give one of them a weight above 0. Edit the train block of params.yaml."
        )
    normalized: NDArray[np.float64] = weights / weights.sum()
    return normalized


def check_augmented(pools: tuple[Pool, ...], augmentation: Augmentation) -> None:
    """Refuse shares of augmented crops for sets that are not there.

    Raises:
        ParamsError: Such a set is named.
    """
    names = [pool.name for pool in pools]
    if unknown := sorted(set(augmentation.sets) - set(names)):
        raise ParamsError(
            f"train.augmentation.sets names {', '.join(unknown)}; the sets are {names}. "
            "Name only these in params.yaml."
        )


def draw_crops(
    pools: tuple[Pool, ...],
    weights: NDArray[np.float64],
    params: Train,
    epoch: int,
    numbers: range,
) -> tuple[Plane, Plane]:
    """Draw some of an epoch's crops.

    Args:
        pools: The sets.
        weights: Share of each.
        params: Crop size, share of crops centred on defects, augmentation, seed.
        epoch: From 1.
        numbers: Which of the epoch's crops, from 0.

    Returns:
        Images and masks, each ``(len(numbers), 1, S, S)``, uint8; masks 0 or 1.
    """
    shape = (len(numbers), 1, params.crop, params.crop)
    images, masks = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    cumulative = np.cumsum(weights)
    for place, number in enumerate(numbers):
        rng = np.random.Generator(np.random.PCG64((params.seed, epoch, number)))
        pool = pools[min(int(np.searchsorted(cumulative, rng.random())), len(pools) - 1)]
        picture, centre = _choose(rng, pool, params)
        augmented = rng.random() < params.augmentation.sets.get(pool.name, 1.0)
        changes = params.augmentation if augmented else _UNCHANGED
        view = draw_view(rng, centre, params.crop, changes)
        crop, mask = look(view, picture.image, picture.mask, params.crop)
        images[place, 0], masks[place, 0] = expose(rng, crop, changes), mask
    return images, masks


def _choose(
    rng: np.random.Generator, pool: Pool, params: Train
) -> tuple[Picture, tuple[float, float]]:
    """Choose a picture and the point that its crop is to be centred on."""
    if pool.defective and rng.random() < params.defect_share:
        picture = pool.pictures[pool.defective[rng.integers(len(pool.defective))]]
        pixels = picture.anchors[rng.integers(len(picture.anchors))]
        y, x = divmod(int(pixels[rng.integers(len(pixels))]), picture.image.shape[1])
        jitter = rng.uniform(-0.4, 0.4, 2) * params.crop
        return picture, _inside(x + jitter[0], y + jitter[1], picture, params.crop)
    picture = pool.pictures[rng.integers(len(pool.pictures))]
    height, width = picture.image.shape
    return picture, _inside(rng.uniform(0, width), rng.uniform(0, height), picture, params.crop)


def _inside(x: float, y: float, picture: Picture, size: int) -> tuple[float, float]:
    """Move a crop's centre so that little of an upright crop lies outside the picture."""
    height, width = picture.image.shape
    margin_x, margin_y = min(size, width) / 2, min(size, height) / 2
    return (
        float(np.clip(x, margin_x, width - margin_x)),
        float(np.clip(y, margin_y, height - margin_y)),
    )


def _read(packed: PackedSet, index: int) -> Picture:
    instances = packed.instances(index)
    flat = instances.ravel()
    pixels = np.flatnonzero(flat)
    labels = flat[pixels]
    anchors = []
    for label in np.unique(labels):
        own = pixels[labels == label]
        anchors.append(own[:: max(1, len(own) // _ANCHORS)])
    mask = np.where(instances > 0, np.uint8(255), np.uint8(0))
    return Picture(np.ascontiguousarray(packed.image(index)), mask, tuple(anchors))
