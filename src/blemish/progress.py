"""Progress that a person enjoys: bars on a terminal, plain lines anywhere else."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")

Tell = Callable[[str], None]
"""Told what is being done, in a few words."""

TellDone = Callable[[int], object]
"""Told now and then how many more items are done."""

Track = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Hands on items, their number and the name of the work, as :func:`track` does."""

_LINES = 10
"""Plain lines that long work writes in all."""

_SLOW = 5.0
"""Times the fastest epoch that an epoch takes before a hint says so."""


class Epoch(Protocol):
    """What is shown of an epoch; ``training.EpochResult`` is one."""

    @property
    def epoch(self) -> int:
        """From 1."""

    @property
    def train_loss(self) -> float:
        """Mean over the steps."""

    @property
    def val_loss(self) -> float:
        """Over the validation images."""

    @property
    def val_dice(self) -> float:
        """In ``[0, 1]``."""

    @property
    def seconds(self) -> float:
        """Wall time."""


def track(items: Iterable[T], total: int, what: str, console: Console | None = None) -> Iterator[T]:
    """Yield items and show how many have passed.

    Args:
        items: What is worked through.
        total: How many there are.
        what: Names the work, e.g. ``Drawing images``.
        console: Where to; standard error by default.
    """
    console = console or standard_error()
    if not console.is_terminal:
        yield from _track_plainly(items, total, what, console)
        return
    with bars(console) as shown:
        yield from shown.track(items, total=total, description=what)


def _track_plainly(items: Iterable[T], total: int, what: str, console: Console) -> Iterator[T]:
    step, started = max(1, -(-total // _LINES)), time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if done % step == 0 or done == total:
            write_line(console, f"{what}: {done}/{total}, {_clock(time.monotonic() - started)}")


class TrainingProgress:
    """Shows a training; a listener of it, and a context that clears the bar when it ends.

    Args:
        console: Where to; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or standard_error()
        self._bars = bars(self._console) if self._console.is_terminal else None
        self._task = self._bars.add_task("Training", total=None) if self._bars else None
        self._next = "Epoch"
        self.on_start(0, 0)

    def fold(self, number: int, folds: int) -> Self:
        """Say that the training which starts next is that of a fold of a cross-validation."""
        self._next = f"Fold {number}/{folds}, epoch"
        return self

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def on_start(self, total_epochs: int, resumed_from: int) -> None:
        """Say how long it may take, and that it goes on."""
        self._what, self._next = self._next, "Epoch"
        self._epochs, self._finished, self._here = total_epochs, resumed_from, 0
        self._best, self._fastest = -1.0, float("inf")
        self._started = time.monotonic()
        if resumed_from:
            write_line(
                self._console,
                f"Resuming after {self._what.lower()} {resumed_from} of {total_epochs}.",
            )

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """Move the bar."""
        if self._bars is not None and self._task is not None:
            self._bars.update(
                self._task,
                total=self._epochs * total,
                completed=self._finished * total + done,
                description=f"{self._what} {self._finished + 1}/{self._epochs}  loss {loss:.4f}",
            )

    def on_epoch(self, result: Epoch) -> None:
        """Write one line of metrics."""
        self._finished, self._here = result.epoch, self._here + 1
        mark = " *" if result.val_dice > self._best else ""
        self._best = max(self._best, result.val_dice)
        spent = time.monotonic() - self._started
        left = (self._epochs - self._finished) * spent / self._here
        write_line(
            self._console,
            f"{self._what} {result.epoch:>3}/{self._epochs}  loss {result.train_loss:.4f}  "
            f"validation loss {result.val_loss:.4f}  Dice {result.val_dice:.4f}{mark:2}  "
            f"{result.seconds:.1f} s, {_clock(left)} left",
        )
        self._fastest = min(self._fastest, result.seconds)
        if result.seconds >= _SLOW * self._fastest:
            write_line(
                self._console,
                f"This epoch took {result.seconds / self._fastest:.0f} times as long as the "
                "fastest: other programs use the processor.",
            )

    def on_end(self) -> None:
        """Say the best."""
        spent = _clock(time.monotonic() - self._started)
        write_line(self._console, f"Trained in {spent}; best validation Dice {self._best:.4f}.")


def bars(console: Console) -> Progress:
    """Return bars that vanish when the work is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def standard_error() -> Console:
    """Return where progress is shown."""
    return Console(file=sys.stderr)


def write_line(console: Console, line: str) -> None:
    """Write a line as it is, without markup."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
