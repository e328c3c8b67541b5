"""What fine-tuning leaves: weights and how they came about, folds, suspects, contact sheets.

``folds.json`` lists for each fold photographs that its network did not see, by set and id;
``fold<K>.pt`` beside it are that network's weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from blemish import files
from blemish.finetuning.set_images import SetImages
from blemish.finetuning.start_files import Start
from blemish.finetuning.starts import name_start
from blemish.finetuning.suspects import Suspect
from blemish.training.checkpoint import tensor_bytes
from blemish.training.outputs import describe, write_outputs
from blemish.training.sharing import chosen_precision
from blemish.training.trainer import Trainer
from blemish.visualization import encode_png

if TYPE_CHECKING:
    from blemish.model import UNetTiny


@dataclass(frozen=True)
class Outputs:
    """Where fine-tuning writes."""

    weights: Path
    """Folder for the weights, ``training.json``, ``folds.json`` and ``suspects.csv``."""
    curves: Path
    """File for the metrics of each epoch, CSV."""
    drawn: Path
    """Folder for a contact sheet of each set's photographs with drawn defects."""


@dataclass(frozen=True)
class TunedFold:
    """A network that did not see some photographs."""

    weights: Mapping[str, Tensor]
    held_out: Sequence[Sequence[str]]
    """Set and id of each of them."""


@dataclass(frozen=True)
class Tuned:
    """Everything that a fine-tuning has found out."""

    trainer: Trainer
    """Has trained the network."""
    folds: Sequence[TunedFold]
    """The networks of the cross-validation; none where there are too few groups."""
    start: Start
    """The weights that all networks started from."""
    sets: Sequence[SetImages]
    """The training images."""
    suspects: Mapping[str, Sequence[Suspect]]
    """By set the photographs that may show a defect."""
    sheets: Mapping[str, NDArray[np.uint8]]
    """By set its contact sheet, ``(H, W, 3)``, uint8, RGB."""


def write_tuned(tuned: Tuned, outputs: Outputs, fingerprint: str) -> None:
    """Write all outputs, the weights last.

    Args:
        tuned: What is written.
        outputs: Where.
        fingerprint: Of the inputs of train and finetune.
    """
    folder, trainer = outputs.weights, tuned.trainer
    network = cast("UNetTiny", trainer.averaged_network)
    precision = chosen_precision(trainer.params)
    description = {
        "fingerprint": fingerprint,
        **describe(trainer.best, trainer.progress, network.width, precision),
        "start": name_start(tuned.start),
        "sets": {members.name: _describe_set(members) for members in tuned.sets},
    }
    outputs.drawn.mkdir(parents=True, exist_ok=True)
    for name, sheet in tuned.sheets.items():
        files.write_bytes(outputs.drawn / f"{name}.png", encode_png(sheet))
    files.write_text(folder / "suspects.csv", _suspects_csv(tuned.suspects))
    for number, fold in enumerate(tuned.folds, 1):
        files.write_bytes(folder / f"fold{number}.pt", tensor_bytes(dict(fold.weights)))
    files.write_json(folder / "folds.json", {"held_out": [fold.held_out for fold in tuned.folds]})
    history = trainer.progress.history
    write_outputs(folder, outputs.curves, trainer.best, history, description)


def _describe_set(members: SetImages) -> dict[str, Any]:
    return {
        "images": len(members.images),
        "labelled": members.labelled,
        "drawn": len(members.drawn),
        "classes": {name: len(members.classes[name]) for name in sorted(members.classes)},
    }


def _suspects_csv(suspects: Mapping[str, Sequence[Suspect]]) -> str:
    """List the photographs that may show a defect, for a person to look at."""
    rows = ((name, each.name, each.pixels) for name in suspects for each in suspects[name])
    return files.csv_text(("set", "image_id", "expected_defect_px"), rows)
