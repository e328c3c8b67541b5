"""``kill -9`` of a training at any moment costs time, never a byte of the result."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_world import write_split
from tiny_training import output_bytes, run, tiny_params

SCRIPT = Path(__file__).parents[1] / "tiny_training.py"
EPOCHS = 4


def prepare(folder: Path) -> Path:
    write_split(folder / "data", "train", 12, seed=1)
    write_split(folder / "data", "val", 6, seed=2)
    return folder


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = prepare(tmp_path_factory.mktemp("whole"))
    run(folder, tiny_params(epochs=EPOCHS))
    return output_bytes(folder)


def between_epochs(folder: Path) -> bool:
    """The first checkpoint lies there."""
    return (folder / "state" / "tiny.pt").exists()


def in_the_first_epoch(folder: Path) -> bool:
    """Torch is loaded and the training has begun, but no epoch is over."""
    return (folder / "started").exists()


def while_a_checkpoint_is_written(folder: Path) -> bool:
    """A checkpoint's bytes are on their way, under their temporary name."""
    return between_epochs(folder) and any(
        path.stat().st_size for path in folder.glob("state/.tiny.*.tmp.pt")
    )


@pytest.mark.parametrize(
    "moment", [in_the_first_epoch, between_epochs, while_a_checkpoint_is_written]
)
def test_killed_training_ends_with_the_same_bytes(
    tmp_path: Path, uninterrupted: dict[str, bytes], moment: Callable[[Path], bool]
) -> None:
    """Killed in an epoch, after one, and in the middle of a checkpoint: the outputs are equal."""
    folder = prepare(tmp_path)
    kill_at(folder, moment)
    assert not (folder / "out" / "weights.pt").exists()
    run(folder, tiny_params(epochs=EPOCHS))
    assert output_bytes(folder) == uninterrupted
    assert not list((folder / "state").iterdir())


def test_resumed_training_does_not_repeat_finished_epochs(tmp_path: Path) -> None:
    """After a kill between epochs training goes on where it was."""
    folder = prepare(tmp_path)
    kill_at(folder, between_epochs)
    notes = run(folder, tiny_params(epochs=EPOCHS))
    assert notes.resumed_from >= 1
    assert [epoch.epoch for epoch in notes.epochs] == list(
        range(notes.resumed_from + 1, EPOCHS + 1)
    )


def kill_at(folder: Path, moment: Callable[[Path], bool]) -> None:
    """Train in a process of its own and kill it when a moment comes."""
    script = _SLOW_WRITES if moment is while_a_checkpoint_is_written else _PLAIN
    command = [sys.executable, "-c", script, str(SCRIPT.parent), str(folder), str(EPOCHS)]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 60
        while not moment(folder):
            assert process.poll() is None, "the training ended before the moment came"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


# Epochs slowed down at their end, so that a moment is not over before it is seen.
_PLAIN = """
import sys, time; sys.path.insert(0, sys.argv[1])
from pathlib import Path
import tiny_training
class Slow(tiny_training.Notes):
    def on_batch(self, done, total, loss):
        Path(sys.argv[2], "started").touch()
        time.sleep(0.05)
tiny_training.Notes = Slow
tiny_training.run(Path(sys.argv[2]), tiny_training.tiny_params(epochs=int(sys.argv[3])))
"""

# The disk takes the second checkpoint in two halves, with a pause between.
_SLOW_WRITES = """
import sys, time; sys.path.insert(0, sys.argv[1])
from pathlib import Path
import tiny_training
whole, count = Path.write_bytes, []
def write_bytes(path, data):
    count.append(path)
    if len(count) < 2:
        return whole(path, data)
    whole(path, data[: len(data) // 2])
    time.sleep(30)
Path.write_bytes = write_bytes
folder, epochs = Path(sys.argv[2]), int(sys.argv[3])
(folder / "started").touch()
tiny_training.run(folder, tiny_training.tiny_params(epochs=epochs))
"""
