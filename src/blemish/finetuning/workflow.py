"""The workflow of fine-tuning: read the user's images, train, write the weights."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray

from blemish import files
from blemish.config.finetune import Finetune
from blemish.errors import DataError
from blemish.files import sha256_file
from blemish.finetuning.adaptation_crops import AdaptationCrops
from blemish.finetuning.drawn_bank import Track, add_drawn
from blemish.finetuning.duration import schedule_for
from blemish.finetuning.set_images import SetImages, read_sets
from blemish.finetuning.starts import Start, load_start
from blemish.finetuning.suspects import Suspect
from blemish.finetuning.suspicion import leave_out_suspects
from blemish.model import UNetTiny
from blemish.packed import PackedSet
from blemish.training.crops import SyntheticCrops
from blemish.training.listener import Listeners, TrainingListener
from blemish.training.outputs import describe, write_outputs
from blemish.training.sharing import open_fabric
from blemish.training.trainer import Lesson, Trainer, set_up_torch
from blemish.training.validator import Validator
from blemish.visualization import encode_png

SYNTHETIC_IMAGES = 1000
"""Synthetic images kept in memory; a sixth of the crops of any fine-tuning needs no more."""

VALIDATION_IMAGES = 32
"""Images that an epoch's curves are measured on. They choose nothing."""


@dataclass(frozen=True)
class Data:
    """Folders of packed splits."""

    synthetic: Path
    real: Path


@dataclass(frozen=True)
class Outputs:
    """Where fine-tuning writes."""

    weights: Path
    """Folder for ``weights.pt``, ``training.json`` and ``suspects.csv``."""
    curves: Path
    """File for the metrics of each epoch, CSV."""
    drawn: Path
    """Folder for a contact sheet of each set's photographs with drawn defects."""


def finetune(
    data: Data,
    start: Start,
    outputs: Outputs,
    params: Finetune,
    *,
    fingerprint: str,
    identity: str,
    checkpoint: Path,
    listener: TrainingListener,
    workers: int = 1,
    track: Track = lambda items, _: items,
) -> None:
    """Adapt a network to the user's sets and write its weights, or go on after a kill.

    Args:
        data: The packed splits; ``train`` and ``val`` of each are read.
        start: The weights to start from.
        outputs: Where to write.
        params: How to fine-tune.
        fingerprint: Of the inputs of train and finetune; written out.
        identity: Of the inputs of this stage; checked against the checkpoint's.
        checkpoint: Where the state lies between epochs; removed once the outputs are written.
        listener: Hears of the progress, in the first process only.
        workers: Processes that draw defects onto photographs; their number changes no byte.
        track: Shows how many of those images are drawn.

    Raises:
        DataError: The user's sets hold no training image at all.
        ModelFileError: The start holds weights of another architecture.
        ParamsError: The params do not fit the devices or the processes.
        TrainingError: The loss became NaN or infinite; the checkpoint keeps the last good epoch.
    """
    fabric = open_fabric(params, "finetune")
    set_up_torch(params)
    sets = read_sets(PackedSet.open(data.real, "train"))
    network = load_start(start)
    suspects = leave_out_suspects(sets, network) if params.leave_out_suspects else {}
    sheets = add_drawn(sets, params, workers=workers, track=track)
    heard = listener if fabric.is_global_zero else Listeners(())
    trainer = make_trainer(data, sets, params, fabric, heard, network=network)
    trainer.resume(checkpoint, identity)
    trainer.run(checkpoint, identity)
    if fabric.is_global_zero:
        description = {
            "fingerprint": fingerprint,
            **describe(trainer.best, trainer.progress, network.width),
            "start": {"name": start.name, "sha256": sha256_file(start.path)},
            "sets": {members.name: _describe_set(members) for members in sets},
        }
        write_sheets(outputs.drawn, sheets)
        files.write_text(outputs.weights / "suspects.csv", _suspects_csv(suspects))
        history = trainer.progress.history
        write_outputs(outputs.weights, outputs.curves, trainer.best, history, description)
        checkpoint.unlink(missing_ok=True)
    fabric.barrier()
    trainer.listener.on_end()


def make_trainer(
    data: Data,
    sets: Sequence[SetImages],
    params: Finetune,
    fabric: Fabric,
    listener: TrainingListener,
    *,
    network: UNetTiny,
) -> Trainer:
    """Prepare the fine-tuning of a network on some sets.

    Raises:
        DataError: The sets hold no training image at all.
    """
    if not any(members.images for members in sets):
        raise DataError(
            "No image of the chosen sets trains, so there is nothing to adapt to. Lower "
            "preprocess.split.val and preprocess.split.test or add images, then run: dvc repro"
        )
    training = PackedSet.open(data.synthetic, "train")
    synthetic = SyntheticCrops(training, params, at_most=SYNTHETIC_IMAGES)
    real = PackedSet.open(data.real, "val")
    watched = real if len(real) else PackedSet.open(data.synthetic, "val")
    schedule = schedule_for(sum(members.labelled for members in sets), params)
    lesson = Lesson(
        AdaptationCrops(sets, synthetic, params),
        Validator([watched], fabric, at_most=VALIDATION_IMAGES),
        schedule,
    )
    return Trainer(lesson, params, fabric, listener, network)


def write_sheets(folder: Path, sheets: Mapping[str, NDArray[np.uint8]]) -> None:
    """Write the contact sheet of each set, ``<set>.png``; the folder is there without any."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        files.write_bytes(folder / f"{name}.png", encode_png(sheet))


def _describe_set(members: SetImages) -> dict[str, Any]:
    return {
        "images": len(members.images),
        "labelled": members.labelled,
        "drawn": len(members.drawn),
        "classes": {name: len(members.classes[name]) for name in sorted(members.classes)},
    }


def _suspects_csv(suspects: Mapping[str, Sequence[Suspect]]) -> str:
    """List the photographs that were left out, for a person to look at."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("set", "image_id", "expected_defect_px"))
    table.writerows((name, each.name, each.pixels) for name in suspects for each in suspects[name])
    return text.getvalue()
