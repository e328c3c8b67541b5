"""Dice of UNetTiny against the textbook U-Net: same small recipe, same images, several seeds.

    python benchmarks/accuracy.py DATA [--seeds 3] [--epochs 6] [--crops 1088] [--crop 128]

DATA is a folder of packed splits (``data/processed``). Each network is trained on ``train``, its
threshold chosen on ``val``, and Dice pooled over the pixels of each set's ``test`` images, and of
the magnetic tiles in ``BLEMISH_REAL_DATA`` where that is given. Not part of ``make bench``.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from textbook import TextbookUNet
from torch import nn
from transfer import TILES, read, tile_pairs, truth_of

from blemish.config import find_workspace, load_params, settings
from blemish.config.train import Train
from blemish.datasets.packed import PackedSet
from blemish.model import UNetTiny
from blemish.training.listener import Listeners
from blemish.training.loop import Trainer, set_up_torch
from blemish.training.sharing import open_fabric
from blemish.training.validation import pad_to_stride

BINS = 200
"""Thresholds that are looked at."""

Histogram = NDArray[np.int64]
"""Shape ``(2, BINS)``: pixels by probability, of the ground and of defects."""


def main() -> None:
    """Train every arm with every seed and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--crops", type=int, default=1088, help="shown in an epoch")
    parser.add_argument("--crop", type=int, default=128, help="side, px")
    options = parser.parse_args()
    params = load_params(find_workspace().params_file).train
    small = {"epochs": options.epochs, "crops": options.crops, "crop": options.crop}
    params = params.model_copy(update=small)
    arms: dict[str, Callable[[], nn.Module]] = {
        "UNetTiny": lambda: UNetTiny(params.network.width),
        "textbook": TextbookUNet,
    }
    table = Table("network", "seed", "set", "Dice", "threshold", "seconds")
    for seed in range(1, options.seeds + 1):
        for name, make in arms.items():
            for row in compare(options.data, params.model_copy(update={"seed": seed}), make):
                table.add_row(name, str(seed), *row)
                Console(stderr=True).print(name, seed, *row)
    Console().print(table)


def compare(data: Path, params: Train, make: Callable[[], nn.Module]) -> list[tuple[str, ...]]:
    """Train one arm and return set, Dice, threshold and seconds for each set of the test split."""
    started = time.monotonic()
    set_up_torch(params)
    trainer = Trainer(data, params, open_fabric(params), Listeners(()), make())
    with tempfile.TemporaryDirectory() as folder:
        trainer.run(Path(folder) / "state.pt", "")
    network = trainer.averaged_network
    network.load_state_dict(trainer.best)
    seconds = f"{time.monotonic() - started:.0f}"
    chosen = int(np.argmax(dice_curve(sum_of(tally(network, PackedSet.open(data, "val"))))))
    tested = {**tally(network, PackedSet.open(data, "test")), **tally_tiles(network)}
    return [
        (name, f"{dice_curve(pixels)[chosen]:.4f}", f"{chosen / BINS:.3f}", seconds)
        for name, pixels in tested.items()
    ]


def tally(network: nn.Module, packed: PackedSet) -> dict[str, Histogram]:
    """Count the pixels of each set by probability."""
    found: dict[str, Histogram] = {}
    for index in range(len(packed)):
        name = packed.record(index).set_name
        pixels = histogram(network, packed.image(index), packed.mask(index))
        found[name] = found.get(name, 0) + pixels
    return found


def tally_tiles(network: nn.Module) -> dict[str, Histogram]:
    """Count the pixels of the magnetic tiles, never trained on, where there are any."""
    root = settings().real_data
    if root is None:
        return {}
    pairs = (histogram(network, read(path), truth_of(path)) for path, _ in tile_pairs(root / TILES))
    return {TILES: np.sum(list(pairs), axis=0, dtype=np.int64)}


@torch.no_grad()
def histogram(network: nn.Module, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Histogram:
    """Count the pixels of an image by probability."""
    height, width = image.shape
    logits = network(torch.from_numpy(pad_to_stride(image))[None, None])
    probability = torch.sigmoid(logits)[0, 0, :height, :width].numpy()
    return count_pixels(probability, mask)


def count_pixels(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> Histogram:
    """Return a histogram of probabilities."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return np.bincount((place + BINS * mask).ravel(), minlength=2 * BINS).reshape(2, BINS)


def sum_of(histograms: dict[str, Histogram]) -> Histogram:
    """Add the histograms of all sets."""
    total: Histogram = np.sum(list(histograms.values()), axis=0, dtype=np.int64)
    return total


def dice_curve(pixels: Histogram) -> NDArray[np.float64]:
    """Return the pooled Dice that each threshold ``bin / BINS`` gives."""
    marked, hit = (side[::-1].cumsum()[::-1] for side in (pixels.sum(0), pixels[1]))
    curve: NDArray[np.float64] = 2 * hit / (marked + pixels[1].sum())
    return curve


if __name__ == "__main__":
    main()
