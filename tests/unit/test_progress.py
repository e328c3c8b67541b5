"""Progress: bars where a person watches, plain lines where a log is kept."""

import io

from rich.console import Console

from blemish.progress import TrainingProgress, track
from blemish.training import EpochResult


def plain() -> Console:
    return Console(file=io.StringIO(), width=200)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_long_work_writes_few_plain_lines() -> None:
    """Without a terminal a thousand items give ten lines, the last one at the end."""
    console = plain()
    assert list(track(range(1000), 1000, "Drawing images", console)) == list(range(1000))
    lines = text_of(console).splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("Drawing images: 1000/1000")


def test_no_items_write_nothing() -> None:
    """Work on nothing says nothing."""
    console = plain()
    assert list(track([], 0, "Drawing images", console)) == []
    assert not text_of(console)


def test_a_training_is_a_line_an_epoch() -> None:
    """Plain lines hold epoch, losses, Dice and what is left; better epochs are starred."""
    console = plain()
    with TrainingProgress(console) as progress:
        progress.on_start(3, 1)
        progress.on_batch(1, 10, 0.5)
        progress.on_epoch(EpochResult(2, 0.5, 0.4, 0.3, 0.01, 2.0))
        progress.on_epoch(EpochResult(3, 0.4, 0.35, 0.25, 0.01, 2.0))
        progress.on_end()
    lines = text_of(console).splitlines()
    assert lines[0] == "Resuming after epoch 1 of 3."
    assert "2/3  loss 0.5000  validation loss 0.4000  Dice 0.3000 *" in lines[1]
    assert "*" not in lines[2]
    assert lines[3].endswith("best validation Dice 0.3000.")


def test_a_terminal_gets_a_bar() -> None:
    """Where a person watches, the bar shows the epoch and the loss."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with TrainingProgress(console) as progress:
        progress.on_start(3, 0)
        progress.on_batch(5, 10, 0.5)
    assert "Epoch 1/3  loss 0.5000" in text_of(console)


def test_a_slow_epoch_says_why() -> None:
    """An epoch five times as long as the fastest points at what else the processor does."""
    console = plain()
    progress = TrainingProgress(console)
    for epoch, seconds in enumerate((2.0, 9.0, 10.0), start=1):
        progress.on_epoch(EpochResult(epoch, 0.5, 0.4, 0.3, 0.01, seconds))
    hints = [line for line in text_of(console).splitlines() if "other programs" in line]
    assert hints == [
        "This epoch took 5 times as long as the fastest: other programs use the processor."
    ]
