"""The loop that moves a network's weights; training and fine-tuning both run it."""

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

from blemish.arrays import Plane
from blemish.config.learning import Learning
from blemish.errors import TrainingError
from blemish.losses import alone, deep_loss
from blemish.training.checkpoint import (
    Checkpoint,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from blemish.training.crops import IGNORED, CropSource
from blemish.training.listener import EpochResult, TrainingListener
from blemish.training.optimization import Schedule, average_weights, make_optimizers, set_rate
from blemish.training.sharing import part, pool_sums, processes_here, share_batch_norm
from blemish.training.supervision import DeepSupervision
from blemish.training.validator import Validator


def set_up_torch(params: Learning) -> None:
    """Fix everything that could make two runs differ: seed, algorithms, thread count.

    The processes of one machine share its threads: more of them than cores wait for each other.
    """
    torch.manual_seed(params.seed)
    torch.use_deterministic_algorithms(mode=True)
    # It would write NaN into every fresh tensor, to show reads of unset memory: a sixth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property of the module
    torch.set_num_threads(max(1, params.threads // processes_here()))


@dataclass(frozen=True)
class Batch:
    """One process's part of a batch, ready for the network."""

    images: Tensor
    """Shape ``(N, 1, S, S)``, uint8."""
    truth: Tensor
    """Same shape, float32, 0.0 or 1.0."""
    known: Tensor | None = None
    """Same shape, float32: 0.0 where the truth is unknown; None where all of it is known."""


@dataclass(frozen=True)
class TrainingSetup:
    """What a network learns from, and for how long."""

    crops: CropSource
    validator: Validator
    schedule: Schedule


class Trainer:
    """A network on its way; every step depends on its state and params alone.

    Args:
        setup: What the network learns from, and for how long.
        params: How its weights move.
        fabric: The processes that share the work.
        listener: Is told about the progress.
        network: The weights to start from, a ``Pyramid``.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        params: Learning,
        fabric: Fabric,
        listener: TrainingListener,
        network: nn.Module,
    ) -> None:
        self.setup, self.schedule = setup, setup.schedule
        self.params, self.fabric, self.listener = params, fabric, listener
        self.progress = Progress()
        network = DeepSupervision(network)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub lacks this form
        if fabric.world_size > 1:
            share_batch_norm(network)
        self.averaged = average_weights(network.to(fabric.device), self.schedule.ema_decay)
        self.network, *optimizers = fabric.setup(network, *make_optimizers(network, params))
        self.optimizers = tuple(optimizers)
        self.best = copy_weights(self.averaged_network)

    @property
    def averaged_network(self) -> nn.Module:
        """The network with averaged weights, without the heads of training."""
        return cast("DeepSupervision", self.averaged.module).network

    def resume(self, path: Path, identity: str) -> None:
        """Continue from a checkpoint, where there is one.

        Args:
            path: The checkpoint.
            identity: Of the inputs; that of the checkpoint must be equal.
        """
        found = load_checkpoint(path, identity)
        if found is None:
            return
        self.network.module.load_state_dict(found.network)
        self.averaged.load_state_dict(found.averaged)
        for optimizer, state in zip(self.optimizers, found.optimizers, strict=True):
            optimizer.load_state_dict(state)
        self.best, self.progress = found.best, found.progress

    def run(self, checkpoint: Path, identity: str) -> None:
        """Train the epochs that are left, with a checkpoint after each."""
        self.listener.on_start(self.schedule.epochs, self.progress.epoch)
        while self.progress.epoch < self.schedule.epochs and not self.progress.stopped:
            result = self._run_epoch(self.progress.epoch + 1)
            self._remember(result)
            self.listener.on_epoch(result)
            if self.fabric.is_global_zero:
                save_checkpoint(checkpoint, self._state(identity))

    def _run_epoch(self, epoch: int) -> EpochResult:
        started = time.monotonic()
        steps = self.schedule.steps
        losses = []
        self.network.train()
        for done, batch in enumerate(self.batches(epoch, steps)):
            rate = self.schedule.rate_at(epoch - 1 + done / steps)
            losses.append(self.step(batch, rate))
            self.listener.on_batch(done + 1, steps, losses[-1])
        measured = self.setup.validator.measure(self.averaged_network, self.params.loss)
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
        logits = self.network(batch.images)
        loss = deep_loss(logits, batch.truth, self.params.loss, pool, batch.known)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss became {value} in epoch {self.progress.epoch + 1}; the last good state "
                f"is that of epoch {self.progress.epoch}. Lower learning_rate "
                f"({self.params.learning_rate}) or clip_norm ({self.params.clip_norm}) of this "
                "stage in params.yaml and run: dvc repro"
            )
        self.network.zero_grad()
        self.fabric.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.params.clip_norm, foreach=True)
        for optimizer in self.optimizers:
            optimizer.step()
        self.progress.step += 1
        self.averaged.update_parameters(self.network.module)
        return value

    def batches(self, epoch: int, steps: int) -> Iterator[Batch]:
        """Yield an epoch's batches; the next is drawn while the network works on one."""
        size = self.params.batch

        def draw(step: int) -> tuple[Plane, Plane]:
            numbers = part(range(step * size, (step + 1) * size), self.fabric)
            return self.setup.crops.draw(epoch, numbers)

        with ThreadPoolExecutor(1, thread_name_prefix="crops") as ahead:
            coming: Future[tuple[Plane, Plane]] = ahead.submit(draw, 0)
            for step in range(steps):
                crops = coming.result()
                if step + 1 < steps:
                    coming = ahead.submit(draw, step + 1)
                yield self.make_batch(*crops)

    def _remember(self, result: EpochResult) -> None:
        """Keep the weights to hand out; without a better epoch for long, training is over."""
        progress = self.progress
        progress.history.append(result)
        progress.epoch = result.epoch
        patience = self.schedule.patience
        if patience is None or result.epoch == 1 or result.val_dice > progress.best_dice:
            progress.best_dice, progress.best_epoch = result.val_dice, result.epoch
            self.best = copy_weights(self.averaged_network)
        elif result.epoch - progress.best_epoch >= patience:
            progress.stopped = True

    def make_batch(self, images: Plane, truth: Plane) -> Batch:
        """Make tensors; in the thread that draws, a second OpenMP team would slow every step."""
        device = self.fabric.device
        levels = torch.from_numpy(truth).to(device)
        ignored = levels == IGNORED
        return Batch(
            torch.from_numpy(images).to(device),
            (levels == 1).float(),
            (~ignored).float() if ignored.any() else None,
        )

    def _state(self, identity: str) -> Checkpoint:
        return Checkpoint(
            identity,
            self.progress,
            self.network.module.state_dict(),
            self.averaged.state_dict(),
            [optimizer.state_dict() for optimizer in self.optimizers],
            self.best,
        )


def copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return a network's weights as they are now, on the CPU, in the plain memory format."""
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
