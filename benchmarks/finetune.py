"""How well a trained network adapts to one real set: tested on groups that it never saw.

    python benchmarks/finetune.py SOURCE [--seeds 1 2 3] [--epochs 18] [--crops 1280]

SOURCE is a folder that ``blemish import`` accepts, such as ``magnetic-tile``. From the root of a
checkout whose pipeline has run: ``models/trained`` is where each seed starts, ``data/synthetic``
stays in the mixture. Part of the groups choose epoch, threshold and peak by the rule of
``params.yaml``, 40 % test, the rest train. The training is the second phase of ``params.yaml``
(``train.finetune``). Beside Dice there stands the best that any threshold gives on the test images
with that peak, to tell what was learned from what the choice of the threshold cost.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from judging import answer_images, train_arm
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import nn

from blemish.config import find_workspace, load_params, settings
from blemish.config.params import Params
from blemish.evaluation.choice import choose_point
from blemish.importing.importer import Source, import_source
from blemish.importing.reading import Choices
from blemish.metrics.pixels import Counts, count
from blemish.metrics.thresholds import ThresholdHistogram
from blemish.model import load_trained
from blemish.packed import PackedSet
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Splitting
from blemish.preprocessing import Resizing
from blemish.sets import ImageSet, read_set

TEST = 0.4
NAME = "real"
_WIDTH = 160  # columns of the table; a pipe has 80, too few for its figures

Judged = tuple[str, NDArray[np.float32], NDArray[np.bool_]]
"""Class, probability and truth of an image of the real set."""


def main() -> None:
    """Fine-tune from every seed and print Dice by class."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--crops", type=int, default=1280, help="shown in an epoch")
    parser.add_argument("--validation", type=float, default=0.15, help="share of the groups")
    options = parser.parse_args()
    workspace = find_workspace()
    params = load_params(workspace.params_file)
    shares = {"val": options.validation, "test": TEST}
    rows: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        choices = Choices(soft_masks=True, empty_masks="free")
        source = Source(options.source, NAME, choices=choices)
        real, _ = import_source(source, Path(folder) / NAME, workers=settings().workers)
        for seed in options.seeds:
            packed = Path(folder) / f"packed{seed}"
            _pack([read_set(workspace.path("synthetic")), real], packed, Splitting(shares, seed))
            phase = _second_phase(params, seed, options.epochs, options.crops)
            figures = _adapt(workspace.path("trained"), packed, phase)
            rows.append({"seed": str(seed), **figures})
            Console(stderr=True).print(rows[-1])
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    Console(width=_WIDTH).print(table)


def _pack(sets: list[ImageSet], folder: Path, splitting: Splitting) -> None:
    part = Part(sets, folder)
    pack_sets([part], splitting, Resizing("none"), workers=settings().workers)


def _second_phase(params: Params, seed: int, epochs: int, crops: int) -> Params:
    """Return the params of fine-tuning as those of a training of its own."""
    phase = params.train.finetune
    changes = {
        "seed": seed,
        "epochs": epochs,
        "crops": crops,
        "patience": epochs,
        "learning_rate": phase.learning_rate,
        "mixture": phase.mixture,
    }
    return params.model_copy(update={"train": params.train.model_copy(update=changes)})


def _adapt(trained: Path, packed: Path, params: Params) -> dict[str, str]:
    """Train, choose the threshold on validation groups, return the figures of the test groups."""
    best, seconds = train_arm(packed, params.train, load_trained(trained))
    validation = _judge(best, PackedSet.open(packed, "val"))
    choice = choose_point(
        ((NAME, found, truth) for _, found, truth in validation), params.evaluate.threshold
    )
    tested = list(_judge(best, PackedSet.open(packed, "test")))
    counts = [(name, count(choice.point.mark(found), truth)) for name, found, truth in tested]
    classes = sorted({name for name, _ in counts} - {"free"})
    figures = {"all": _pooled(counts, {*classes, "free"})}
    figures |= {name: _pooled(counts, {name}) for name in classes}
    everything = ThresholdHistogram()
    for _, found, truth in tested:
        everything.add(choice.point.reach(found), truth)
    marked = [c.tp + c.fp > 0 for name, c in counts if name == "free"]
    return {
        **{name: f"{value:.3f}" for name, value in figures.items()},
        "best": f"{everything.sweep().dice.max():.3f}",
        "free with a mark": f"{np.mean(marked):.2f}",
        "threshold": f"{choice.threshold:.3f}",
        "peak": f"{choice.peak:.3f}",
        "images": str(len(tested)),
        "seconds": f"{seconds:.0f}",
    }


def _judge(network: nn.Module, packed: PackedSet) -> Iterator[Judged]:
    """Yield the images of the real set in a split, each with its probability."""
    for record, found, truth in answer_images(network, packed):
        if record.set_name == NAME:
            yield record.defects[0].class_name if record.defects else "free", found, truth


def _pooled(counts: list[tuple[str, Counts]], names: set[str]) -> float:
    """Return Dice pooled over the images of some classes."""
    return sum((own for name, own in counts if name in names), Counts()).dice


if __name__ == "__main__":
    main()
