"""The training loop."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from blemish.augmentation import Plane
from blemish.config.train import Train
from blemish.errors import TrainingError
from blemish.losses import alone, deep_loss
from blemish.model import UNetTiny
from blemish.packed import PackedSet
from blemish.training.checkpoint import (
    Checkpoint,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from blemish.training.crops import check_augmented, draw_crops, load_pools, shares
from blemish.training.listener import EpochResult, Listeners, TrainingListener
from blemish.training.optimization import (
    AveragedWeights,
    Phase,
    make_optimizers,
    phases,
    set_rate,
)
from blemish.training.outputs import write_outputs
from blemish.training.sharing import open_fabric, part, pool_sums, share_batch_norm
from blemish.training.supervision import DeepSupervision
from blemish.training.validation import Validator


def train(
    data: Path,
    out: Path,
    curves: Path,
    params: Train,
    *,
    fingerprint: str,
    checkpoint: Path,
    listener: TrainingListener,
) -> None:
    """Train a network and write its weights, or go on where a killed training stopped.

    Args:
        data: Folder of packed splits; ``train`` and ``val`` are read.
        out: Folder for ``weights.pt`` and ``training.json``.
        curves: File for the figures of each epoch, CSV.
        params: How to train.
        fingerprint: Of the training's inputs; written out and checked against the checkpoint's.
        checkpoint: Where the state lies between epochs; removed once the outputs are written.
        listener: Hears of the progress, in the first process only.

    Raises:
        DataError: The training split holds no defect.
        ParamsError: The params do not fit the data, the devices or the processes.
        TrainingError: The loss became NaN or infinite; the checkpoint keeps the last good epoch.
    """
    fabric = open_fabric(params)
    set_up_torch(params)
    trainer = Trainer(data, params, fabric, listener if fabric.is_global_zero else Listeners(()))
    trainer.resume(checkpoint, fingerprint)
    trainer.run(checkpoint, fingerprint)
    if fabric.is_global_zero:
        write_outputs(
            out,
            curves,
            trainer.best,
            progress=trainer.progress,
            params=params,
            fingerprint=fingerprint,
        )
        checkpoint.unlink(missing_ok=True)
    fabric.barrier()
    trainer.listener.on_end()


def set_up_torch(params: Train) -> None:
    """Fix everything that could make two runs differ: seed, algorithms, thread count."""
    torch.manual_seed(params.seed)
    torch.use_deterministic_algorithms(mode=True)
    # It would write NaN into every fresh tensor, to show reads of unset memory: a sixth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property of the module
    torch.set_num_threads(params.threads)


@dataclass(frozen=True)
class Batch:
    """One process's part of a batch, ready for the network."""

    images: Tensor
    """Shape ``(N, 1, S, S)``, uint8."""
    truth: Tensor
    """Same shape, float32, 0.0 or 1.0."""


class Trainer:
    """A network on its way; every step depends on its state and params alone.

    Args:
        data: Folder of packed splits.
        params: How to train.
        fabric: The processes that share the work.
        listener: Hears of the progress.
        network: What to train, a ``Pyramid``; ``UNetTiny`` by default.
    """

    def __init__(
        self,
        data: Path,
        params: Train,
        fabric: Fabric,
        listener: TrainingListener,
        network: nn.Module | None = None,
    ) -> None:
        self.params, self.fabric, self.listener = params, fabric, listener
        self.pools = load_pools(PackedSet.open(data, "train"))
        self.validator = Validator(PackedSet.open(data, "val"), fabric)
        self.phases = phases(params)
        self.progress = Progress()
        network = DeepSupervision(network or UNetTiny(params.network.width))
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub lacks this form
        if fabric.world_size > 1:
            share_batch_norm(network)
        self.averaged = AveragedWeights(network.to(fabric.device), params.ema_decay)
        self.network, *optimizers = fabric.setup(network, *make_optimizers(network, params))
        self.optimizers = tuple(optimizers)
        self.best = _copy(self.averaged_network)
        for phase in self.phases:
            shares(self.pools, phase.mixture)  # refuses a mixture that does not fit
        check_augmented(self.pools, params.augmentation)

    @property
    def averaged_network(self) -> nn.Module:
        """The network with averaged weights, without the heads of training."""
        return cast("DeepSupervision", self.averaged.network).network

    @property
    def total_epochs(self) -> int:
        """Epochs of all phases, if none ends early."""
        return sum(phase.epochs for phase in self.phases)

    def resume(self, path: Path, fingerprint: str) -> None:
        """Take up the state of a checkpoint, where there is one."""
        found = load_checkpoint(path, fingerprint)
        if found is None:
            return
        self.network.module.load_state_dict(found.network)
        self.averaged.network.load_state_dict(found.averaged)
        for optimizer, state in zip(self.optimizers, found.optimizers, strict=True):
            optimizer.load_state_dict(state)
        self.best, self.progress = found.best, found.progress

    def run(self, checkpoint: Path, fingerprint: str) -> None:
        """Train the epochs that are left, with a checkpoint after each."""
        self.listener.on_start(self.total_epochs, self.progress.epoch)
        while (phase := self._current_phase()) is not None:
            result = self._run_epoch(phase, self.progress.epoch + 1)
            self._remember(result, phase)
            self.listener.on_epoch(result)
            if self.fabric.is_global_zero:
                save_checkpoint(checkpoint, self._state(fingerprint))

    def _current_phase(self) -> Phase | None:
        """Return the phase that the next epoch belongs to; None when the training is over."""
        return next((p for p in self.phases if self.progress.epoch < p.last), None)

    def _run_epoch(self, phase: Phase, epoch: int) -> EpochResult:
        started = time.monotonic()
        steps = max(1, self.params.crops // self.params.batch)
        losses = []
        self.network.train()
        for done, batch in enumerate(self.batches(phase, epoch, steps)):
            rate = phase.rate_at(epoch - phase.first + done / steps, self.params.warmup_epochs)
            losses.append(self.step(batch, rate))
            self.listener.on_batch(done + 1, steps, losses[-1])
        measured = self.validator.measure(self.averaged_network, self.params.loss, phase.mixture)
        return EpochResult(
            epoch,
            math.fsum(losses) / steps,
            measured.loss,
            measured.dice,
            rate,
            time.monotonic() - started,
        )

    def step(self, batch: Batch, rate: float) -> float:
        """Take one step and return the loss before it.

        Raises:
            TrainingError: The loss is NaN or infinite.
        """
        set_rate(self.optimizers, rate)
        pool = alone if self.fabric.world_size == 1 else pool_sums
        loss = deep_loss(self.network(batch.images), batch.truth, self.params.loss, pool)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss became {value} in epoch {self.progress.epoch + 1}; the last good state "
                f"is that of epoch {self.progress.epoch}. Lower train.learning_rate "
                f"({self.params.learning_rate}) or train.clip_norm ({self.params.clip_norm}) in "
                "params.yaml and run: dvc repro"
            )
        self.network.zero_grad()
        self.fabric.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.params.clip_norm, foreach=True)
        for optimizer in self.optimizers:
            optimizer.step()
        self.progress.step += 1
        self.averaged.update(self.network.module, self.progress.step)
        return value

    def batches(self, phase: Phase, epoch: int, steps: int) -> Iterator[Batch]:
        """Yield an epoch's batches; the next is drawn while the network works on one."""
        weights = shares(self.pools, phase.mixture)
        size = self.params.batch

        def draw(step: int) -> tuple[Plane, Plane]:
            numbers = part(range(step * size, (step + 1) * size), self.fabric)
            return draw_crops(self.pools, weights, self.params, epoch, numbers)

        with ThreadPoolExecutor(1, thread_name_prefix="crops") as ahead:
            coming: Future[tuple[Plane, Plane]] = ahead.submit(draw, 0)
            for step in range(steps):
                crops = coming.result()
                if step + 1 < steps:
                    coming = ahead.submit(draw, step + 1)
                yield self._batch(*crops)

    def _remember(self, result: EpochResult, phase: Phase) -> None:
        """Keep the best epoch of a phase; a phase without a better one for long is over."""
        progress = self.progress
        progress.history.append(result)
        progress.epoch = result.epoch
        if result.epoch == phase.first or result.val_dice > progress.best_dice:
            progress.best_dice, progress.best_epoch = result.val_dice, result.epoch
            self.best = _copy(self.averaged_network)
        elif result.epoch - progress.best_epoch >= self.params.patience:
            progress.epoch = phase.last

    def _batch(self, images: Plane, masks: Plane) -> Batch:
        """Make tensors; in the thread that draws, a second OpenMP team would slow every step."""
        device = self.fabric.device
        return Batch(
            torch.from_numpy(images).to(device), torch.from_numpy(masks).to(device).float()
        )

    def _state(self, fingerprint: str) -> Checkpoint:
        return Checkpoint(
            fingerprint,
            self.progress,
            self.network.module.state_dict(),
            self.averaged.network.state_dict(),
            [optimizer.state_dict() for optimizer in self.optimizers],
            self.best,
        )


def _copy(network: nn.Module) -> dict[str, Tensor]:
    """Return a network's weights as they are now, on the CPU, in the plain memory format."""
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
