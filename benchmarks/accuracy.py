"""Dice of UNetTiny against the textbook U-Net: same small recipe, same images, several seeds.

    python benchmarks/accuracy.py DATA [ARM ...] [--seeds 1 2 3] [--epochs 5] [--crops 1280]

DATA is a folder of packed splits (``data/processed``). Each network is trained on ``train``, its
threshold chosen on ``val``, and Dice pooled over the pixels of each set's ``test`` images, and of
the magnetic tiles in ``BLEMISH_REAL_DATA`` where that is given. More arms are there by name:
``inverted``, ``attended``, ``re-parameterised``, and ``distilled`` (from ``models/trained``).
Not part of ``make bench``.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from bench.textbook import TextbookUNet
from judging import BINS, best_threshold, count_sets, count_tiles, dice_curve, train_arm
from rich.console import Console
from rich.table import Table
from torch import nn
from transfer import TILES
from variants import Student, attended, inverted, reparameterised

from blemish.config import find_workspace, load_params
from blemish.config.train import Train
from blemish.model import UNetTiny
from blemish.packed import PackedSet
from blemish.training.trainer import Trainer


def main() -> None:
    """Train every arm with every seed and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("arms", nargs="*", metavar="ARM", default=["UNetTiny", "textbook"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--crops", type=int, default=1280, help="shown in an epoch")
    options = parser.parse_args()
    workspace = find_workspace()
    params = load_params(workspace.params_file).train
    params = params.model_copy(update={"epochs": options.epochs, "crops": options.crops})
    width = params.network.width
    taught = partial(Student, workspace.path("trained"))
    arms: dict[str, tuple[Callable[[], nn.Module], Callable[..., Trainer]]] = {
        "UNetTiny": (lambda: UNetTiny(width), Trainer),
        "textbook": (TextbookUNet, Trainer),
        "inverted": (lambda: inverted(width), Trainer),
        "attended": (lambda: attended(width), Trainer),
        "re-parameterised": (lambda: reparameterised(width), Trainer),
        "distilled": (lambda: UNetTiny(width), taught),
    }
    table = Table("network", "seed", "set", "Dice", "threshold", "seconds")
    for seed in options.seeds:
        own = params.model_copy(update={"seed": seed})
        for name in options.arms:
            for row in compare(options.data, own, *arms[name]):
                table.add_row(name, str(seed), *row)
                Console(stderr=True).print(name, seed, *row)
    Console().print(table)


def compare(
    data: Path, params: Train, make: Callable[[], nn.Module], trainer: Callable[..., Trainer]
) -> list[tuple[str, ...]]:
    """Train one arm and return set, Dice, threshold and seconds for each set of the test split."""
    torch.manual_seed(params.seed)
    network, seconds = train_arm(data, params, make(), trainer)
    chosen = best_threshold(network, data)
    tested = count_sets(network, PackedSet.open(data, "test"))
    if tiles := [tile.pixels for tile in count_tiles(network)]:
        tested[TILES] = np.sum(tiles, axis=0)
    return [
        (name, f"{dice_curve(pixels)[chosen]:.4f}", f"{chosen / BINS:.3f}", f"{seconds:.0f}")
        for name, pixels in tested.items()
    ]


if __name__ == "__main__":
    main()
