"""What is told about a training while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class EpochResult:
    """Metrics of one epoch."""

    epoch: int
    """From 1."""
    train_loss: float
    val_loss: float
    val_dice: float
    """Pooled over the pixels of a set at threshold 0.5, mean over sets; of the averaged weights."""
    learning_rate: float
    """At the epoch's last step."""
    seconds: float
    """Wall time; goes into no output."""


class TrainingListener(Protocol):
    """Is told about a training; is called in one process only.

    An epoch that a kill cut between its report and its checkpoint is reported again, with the
    same metrics.
    """

    def on_start(self, total_epochs: int, resumed_from: int) -> None:
        """Training starts after ``resumed_from`` finished epochs of at most ``total_epochs``."""

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """``done`` of an epoch's ``total`` steps are taken; the last one lost ``loss``."""

    def on_epoch(self, result: EpochResult) -> None:
        """An epoch and its validation are over."""

    def on_end(self) -> None:
        """The outputs are written."""


@dataclass(frozen=True)
class Listeners:
    """Several listeners as one, told in their order."""

    members: Sequence[TrainingListener]

    def on_start(self, total_epochs: int, resumed_from: int) -> None:
        """Pass on."""
        for member in self.members:
            member.on_start(total_epochs, resumed_from)

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """Pass on."""
        for member in self.members:
            member.on_batch(done, total, loss)

    def on_epoch(self, result: EpochResult) -> None:
        """Pass on."""
        for member in self.members:
            member.on_epoch(result)

    def on_end(self) -> None:
        """Pass on."""
        for member in self.members:
            member.on_end()
