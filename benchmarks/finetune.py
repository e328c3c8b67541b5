"""How well a trained network adapts to one real set: tested on groups that it never saw.

    python benchmarks/finetune.py SOURCE [--seeds 3] [--epochs 12] [--crops 640]

SOURCE is a folder that ``blemish import`` accepts, such as ``magnetic-tile``. From the root of a
checkout whose pipeline has run: ``models/trained`` is where each seed starts, ``data/synthetic``
stays in the mixture. Half of the groups train, a tenth choose epoch and threshold, the rest test.
The training is the second phase of ``params.yaml`` (``train.finetune``).
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from judging import BINS, Histogram, count_images, dice_curve, train_arm
from rich.console import Console
from rich.table import Table
from torch import nn

from blemish.config import find_workspace, load_params, settings
from blemish.config.train import Train
from blemish.datasets.importers.reading import Choices
from blemish.datasets.importing import Source, import_source
from blemish.datasets.layout import ImageSet, read_set
from blemish.datasets.packed import PackedSet
from blemish.datasets.packing import Splitting, pack_sets
from blemish.model import load_trained
from blemish.preprocessing import Resizing

SHARES = {"val": 0.1, "test": 0.4}
NAME = "real"


def main() -> None:
    """Fine-tune from every seed and print Dice by class."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--crops", type=int, default=640, help="shown in an epoch")
    options = parser.parse_args()
    workspace = find_workspace()
    params = load_params(workspace.params_file).train
    rows: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        choices = Choices(soft_masks=True, empty_masks="free")
        source = Source(options.source, NAME, choices=choices)
        real, _ = import_source(source, Path(folder) / NAME, workers=settings().workers)
        for seed in range(1, options.seeds + 1):
            packed = Path(folder) / f"packed{seed}"
            _pack([read_set(workspace.path("synthetic")), real], packed, seed)
            phase = _second_phase(params, seed, options.epochs, options.crops)
            figures = _adapt(workspace.path("trained"), packed, phase)
            rows.append({"seed": str(seed), **figures})
            Console(stderr=True).print(rows[-1])
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


def _pack(sets: list[ImageSet], folder: Path, seed: int) -> None:
    splitting = Splitting(SHARES, seed)
    pack_sets(sets, folder, splitting, Resizing("none"), workers=settings().workers)


def _second_phase(params: Train, seed: int, epochs: int, crops: int) -> Train:
    """Return the params of fine-tuning as those of a training of its own."""
    phase = params.finetune
    changes = {
        "seed": seed,
        "epochs": epochs,
        "crops": crops,
        "patience": epochs,
        "learning_rate": phase.learning_rate,
        "mixture": phase.mixture,
    }
    return params.model_copy(update=changes)


def _adapt(trained: Path, packed: Path, params: Train) -> dict[str, str]:
    """Train, choose the threshold on validation groups, return the figures of the test groups."""
    best, seconds = train_arm(packed, params, load_trained(trained))
    validation = [pixels for _, pixels in _count(best, PackedSet.open(packed, "val"))]
    chosen = int(np.argmax(dice_curve(np.sum(validation, axis=0))))
    tested = list(_count(best, PackedSet.open(packed, "test")))
    names = sorted({name for name, _ in tested} - {"free"})
    figures = {"all": _pooled(tested, None, chosen)}
    figures |= {name: _pooled(tested, name, chosen) for name in names}
    marked = [pixels[0, chosen:].sum() > 0 for name, pixels in tested if name == "free"]
    return {
        **{name: f"{value:.3f}" for name, value in figures.items()},
        "free with a mark": f"{np.mean(marked):.2f}",
        "threshold": f"{chosen / BINS:.3f}",
        "images": str(len(tested)),
        "seconds": f"{seconds:.0f}",
    }


def _count(network: nn.Module, packed: PackedSet) -> Iterator[tuple[str, Histogram]]:
    """Yield class and pixels by probability of each image of the real set."""
    for record, pixels in count_images(network, packed):
        if record.set_name == NAME:
            yield record.defects[0].class_name if record.defects else "free", pixels


def _pooled(tested: list[tuple[str, Histogram]], name: str | None, chosen: int) -> float:
    """Return Dice at the threshold, pooled over the images of a class, or over all."""
    pixels = sum(found for own, found in tested if name in (None, own))
    return float(dice_curve(np.asarray(pixels))[chosen])


if __name__ == "__main__":
    main()
