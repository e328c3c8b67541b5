"""What the benchmarks of Dice share: train one arm, count pixels, read a curve off the counts."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn
from transfer import TILES, read, tile_pairs, truth_of

from blemish.config import settings
from blemish.config.train import Train
from blemish.evaluation.fast_network import probability_of
from blemish.model import Probability
from blemish.packed import Annotation, PackedSet
from blemish.training.listener import Listeners
from blemish.training.sharing import open_fabric
from blemish.training.trainer import Trainer, set_up_torch
from blemish.training.training_workflow import make_trainer

BINS = 200
"""Thresholds that are looked at."""

Histogram = NDArray[np.int64]
"""Shape ``(2, BINS)``: pixels by probability, of the ground and of defects."""

_SCORE = 50  # pixels: fewer are no defect worth a call


@dataclass(frozen=True)
class JudgedTile:
    """One photograph of a tile, and what a network made of it."""

    family: str
    pixels: Histogram
    score: float
    """Its 50th highest probability."""


def train_arm(
    data: Path,
    params: Train,
    network: nn.Module,
    kind: Callable[..., Trainer] = Trainer,
) -> tuple[nn.Module, float]:
    """Train a network on packed splits; return its best averaged weights and the seconds it took.

    Args:
        data: Folder of packed splits; ``train`` and ``val`` are read.
        params: How to train.
        network: Where to start, a ``Pyramid``.
        kind: Makes the training, from the arguments of ``Trainer``.
    """
    started = time.monotonic()
    set_up_torch(params)
    fabric = open_fabric(params, "train")
    network.train()
    training = make_trainer(data, params, fabric, Listeners(()), network=network, kind=kind)
    with tempfile.TemporaryDirectory() as folder:
        training.run(Path(folder) / "state.pt", "")
    best = training.averaged_network
    best.load_state_dict(training.best)
    return best.eval(), time.monotonic() - started


def count_images(network: nn.Module, packed: PackedSet) -> Iterator[tuple[Annotation, Histogram]]:
    """Yield each image of a split, with its pixels by probability."""
    for annotation, found, truth in answer_images(network, packed):
        yield annotation, count_pixels(found, truth)


def answer_images(
    network: nn.Module, packed: PackedSet
) -> Iterator[tuple[Annotation, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield each image of a split, with its probability and its truth."""
    for index in range(len(packed)):
        found = probability_map(network, packed.image(index))
        yield packed.annotation(index), found, packed.mask(index)


def count_sets(network: nn.Module, packed: PackedSet) -> dict[str, Histogram]:
    """Count the pixels of each set by probability."""
    found: dict[str, Histogram] = {}
    for annotation, pixels in count_images(network, packed):
        found[annotation.set_name] = found.get(annotation.set_name, 0) + pixels
    return found


def count_tiles(network: nn.Module) -> Iterator[JudgedTile]:
    """Yield the magnetic tiles, never trained on, where there are any."""
    root = settings().real_data
    for path, family in tile_pairs(root / TILES) if root else ():
        found = probability_map(network, read(path))
        score = float(np.partition(found.ravel(), -_SCORE)[-_SCORE])
        yield JudgedTile(family, count_pixels(found, truth_of(path)), score)


def best_threshold(network: nn.Module, data: Path) -> int:
    """Return the bin with the best pooled Dice on the validation split."""
    found = count_sets(network, PackedSet.open(data, "val"))
    pixels: Histogram = np.sum(list(found.values()), axis=0, dtype=np.int64)
    return int(np.argmax(dice_curve(pixels)))


def probability_map(network: nn.Module, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probability of each pixel of an image of any size, shape ``(H, W)``."""
    return probability_of(Probability(network).eval(), image)  # type: ignore[arg-type]  # any network that gives logits


def count_pixels(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> Histogram:
    """Return a histogram of probabilities."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return np.bincount((place + BINS * mask).ravel(), minlength=2 * BINS).reshape(2, BINS)


def dice_curve(pixels: Histogram) -> NDArray[np.float64]:
    """Return the pooled Dice that each threshold ``bin / BINS`` gives."""
    marked, hit = (side[::-1].cumsum()[::-1] for side in (pixels.sum(0), pixels[1]))
    curve: NDArray[np.float64] = 2 * hit / (marked + pixels[1].sum())
    return curve
