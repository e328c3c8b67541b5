"""The workflow of fine-tuning: read the user's images, train, write the weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from blemish.config.finetune import Finetune
from blemish.errors import DataError
from blemish.finetuning.adaptation_crops import AdaptationCrops
from blemish.finetuning.drawn_bank import Track, add_drawn
from blemish.finetuning.duration import schedule_for
from blemish.finetuning.finetuning_outputs import Outputs, Tuned, TunedFold, write_tuned
from blemish.finetuning.folds import SHARE, deal_folds, held_out_images, without
from blemish.finetuning.set_images import SetImages, read_sets
from blemish.finetuning.start_files import Start
from blemish.finetuning.starts import load_start
from blemish.finetuning.suspicion import find_suspects, leave_out
from blemish.packed import PackedSet
from blemish.training.crops import SyntheticCrops
from blemish.training.listener import Listeners, TrainingListener
from blemish.training.sharing import open_fabric
from blemish.training.trainer import Trainer, TrainingSetup, set_up_torch
from blemish.training.validator import Validator

SYNTHETIC_IMAGES = 1000
"""Synthetic images kept in memory; a sixth of the crops of any fine-tuning needs no more."""

VALIDATION_IMAGES = 32
"""Images that an epoch's curves are measured on. They choose nothing."""

FoldListener = Callable[[int, int], TrainingListener]
"""Returns who hears of a fold's network, by the number of the fold, from 1, and of all folds."""


@dataclass(frozen=True)
class Data:
    """Folders of packed splits."""

    synthetic: Path
    real: Path


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
    fold_listener: FoldListener = lambda _number, _folds: Listeners(()),
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
        checkpoint: Where the state lies between epochs, that of each fold beside it; removed once
            the outputs are written.
        listener: Hears of the progress, in the first process only.
        fold_listener: Names who hears of the networks of the folds, in the first process only.
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
    suspects = find_suspects(sets, load_start(start), fabric)
    if params.leave_out_suspects:
        leave_out(sets, suspects)
    sheets = add_drawn(sets, params, fabric, workers=workers, track=track)
    tuning = Tuning(params, fabric, start, read_shared(data, params, fabric), identity, checkpoint)
    dealt = deal_folds(sets, params.seed)
    folds = []
    for number, held_out in enumerate(dealt, 1):
        heard = fold_listener(number, len(dealt))
        trainer = tuning.run(without(sets, held_out), heard, fold=number)
        folds.append(TunedFold(trainer.best, held_out_images(sets, held_out)))
    trainer = tuning.run(sets, listener)
    if fabric.is_global_zero:
        tuned = Tuned(trainer, folds, start, sets, suspects, sheets)
        write_tuned(tuned, outputs, fingerprint)
        for number in range(len(dealt) + 1):
            tuning.state(number).unlink(missing_ok=True)
    fabric.barrier()
    trainer.listener.on_end()


@dataclass(frozen=True)
class Shared:
    """What all networks of a fine-tuning learn from and are watched on."""

    synthetic: SyntheticCrops
    validator: Validator


def read_shared(data: Data, params: Finetune, fabric: Fabric) -> Shared:
    """Read synthetic training images and the images that the curves are measured on."""
    synthetic = SyntheticCrops(
        PackedSet.open(data.synthetic, "train"), params, at_most=SYNTHETIC_IMAGES
    )
    real = PackedSet.open(data.real, "val")
    watched = real if len(real) else PackedSet.open(data.synthetic, "val")
    return Shared(synthetic, Validator([watched], fabric, at_most=VALIDATION_IMAGES))


@dataclass(frozen=True)
class Tuning:
    """Trains the networks of a fine-tuning, each from the same start."""

    params: Finetune
    fabric: Fabric
    start: Start
    shared: Shared
    identity: str
    checkpoint: Path

    def state(self, fold: int = 0) -> Path:
        """Return the checkpoint of a fold's network, numbered from 1; 0 is the network itself."""
        name = f"{self.checkpoint.stem}-fold{fold}{self.checkpoint.suffix}"
        return self.checkpoint.with_name(name) if fold else self.checkpoint

    def run(
        self, sets: tuple[SetImages, ...], listener: TrainingListener, fold: int = 0
    ) -> Trainer:
        """Train a network to its end, or from where a kill left it.

        Raises:
            DataError: The sets hold no training image at all.
        """
        heard = listener if self.fabric.is_global_zero else Listeners(())
        trainer = self.prepare(sets, heard, share=SHARE if fold else 1.0)
        identity = f"{self.identity}-fold{fold}" if fold else self.identity
        trainer.resume(self.state(fold), identity)
        trainer.run(self.state(fold), identity)
        return trainer

    def prepare(
        self, sets: tuple[SetImages, ...], listener: TrainingListener, share: float = 1.0
    ) -> Trainer:
        """Prepare a network for the sets; its first weights do not depend on those before it.

        Args:
            sets: The user's training images.
            listener: Hears of the progress.
            share: Of the steps that the params ask for.
        """
        if not any(members.images for members in sets):
            raise DataError(
                "No image of the chosen sets trains, so there is nothing to adapt to. Lower "
                "preprocess.split.val and preprocess.split.test or add images, then run: dvc repro"
            )
        torch.manual_seed(self.params.seed)
        labelled = sum(members.labelled for members in sets)
        setup = TrainingSetup(
            AdaptationCrops(sets, self.shared.synthetic, self.params),
            self.shared.validator,
            schedule_for(labelled, self.params, share),
        )
        return Trainer(setup, self.params, self.fabric, listener, load_start(self.start))
