"""The first training: from synthetic images to the weights of a network."""

from collections.abc import Callable
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from blemish.config.train import Train
from blemish.model import UNetTiny
from blemish.packed import PackedSet
from blemish.training.crops import SyntheticCrops
from blemish.training.listener import Listeners, TrainingListener
from blemish.training.optimization import Schedule
from blemish.training.outputs import describe, write_outputs
from blemish.training.sharing import chosen_precision, open_fabric
from blemish.training.trainer import Trainer, TrainingSetup, set_up_torch
from blemish.training.validator import Validator


def train(
    data: Path,
    out: Path,
    curves: Path,
    params: Train,
    *,
    identity: str,
    checkpoint: Path,
    listener: TrainingListener,
) -> None:
    """Train a network and write its weights, or go on where a killed training stopped.

    Args:
        data: Folder of packed splits; ``train`` and ``val`` are read.
        out: Folder for ``weights.pt`` and ``training.json``.
        curves: File for the metrics of each epoch, CSV.
        params: How to train.
        identity: Of the training's inputs; checked against the checkpoint's.
        checkpoint: Where the state lies between epochs; removed once the outputs are written.
        listener: Is told about the progress, in the first process only.

    Raises:
        DataError: The training split holds no defect.
        ParamsError: The params do not fit the devices or the processes.
        TrainingError: The loss became NaN or infinite; the checkpoint keeps the last good epoch.
    """
    fabric = open_fabric(params, "train")
    set_up_torch(params)
    heard = listener if fabric.is_global_zero else Listeners(())
    trainer = make_trainer(data, params, fabric, heard)
    trainer.resume(checkpoint, identity)
    trainer.run(checkpoint, identity)
    if fabric.is_global_zero:
        precision = chosen_precision(params)
        description = describe(trainer.best, trainer.progress, params.network.width, precision)
        write_outputs(out, curves, trainer.best, trainer.progress.history, description)
        checkpoint.unlink(missing_ok=True)
    fabric.barrier()
    trainer.listener.on_end()


def make_trainer(
    data: Path,
    params: Train,
    fabric: Fabric,
    listener: TrainingListener,
    *,
    network: nn.Module | None = None,
    kind: Callable[..., Trainer] = Trainer,
) -> Trainer:
    """Prepare a training on packed splits.

    Args:
        data: Folder of packed splits.
        params: How to train.
        fabric: The processes that share the work.
        listener: Is told about the progress.
        network: The weights to start from, a ``Pyramid``; a fresh ``UNetTiny`` by default.
        kind: Makes the loop, from the arguments of ``Trainer``.
    """
    schedule = Schedule(
        epochs=params.epochs,
        steps=max(1, params.crops // params.batch),
        learning_rate=params.learning_rate,
        warmup_epochs=params.warmup_epochs,
        ema_decay=params.ema_decay,
        patience=params.patience,
    )
    crops = SyntheticCrops(PackedSet.open(data, "train"), params)
    setup = TrainingSetup(crops, Validator([PackedSet.open(data, "val")], fabric), schedule)
    return kind(setup, params, fabric, listener, network or UNetTiny(params.network.width))
