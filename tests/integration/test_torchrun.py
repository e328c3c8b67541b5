"""Two processes started by ``torchrun`` train, and fine-tune, as one does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_finetuning
import tiny_training
import torch
from small_world import write_split

SMALL_STEPS = 0.0002
"""Learning rate; larger steps amplify the last bit of a sum from one epoch to the next."""


def torchrun(script: str, folder: Path, *changes: str) -> None:
    """Run a script of this folder's parent in two processes that share every batch."""
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
            *("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"),
            *("--local-addr", "127.0.0.1", str(Path(__file__).parents[1] / script)),
            *(str(folder), f"learning_rate={SMALL_STEPS}", *changes),
        ],
        check=True,
        timeout=300,
        capture_output=True,
    )


def assert_as_one(one: Path, two: Path) -> None:
    """The losses agree within float error; the second has whole outputs, written by one process."""
    losses = [json.loads((folder / "losses.json").read_text()) for folder in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    weights = [
        torch.load(folder / "out" / "weights.pt", weights_only=True) for folder in (one, two)
    ]
    assert set(weights[0]) == set(weights[1])
    assert (two / "curves.csv").exists()
    assert not list((two / "state").iterdir())


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """At the same global batch both take the same steps."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        write_split(folder / "data", "train", 12, seed=1)
        write_split(folder / "data", "val", 6, seed=2)
    tiny_training.run(one, tiny_training.tiny_params(epochs=2, learning_rate=SMALL_STEPS))
    torchrun("tiny_training.py", two, "epochs=2")
    assert_as_one(one, two)


def test_two_processes_fine_tune_as_one_does(tmp_path: Path) -> None:
    """So do they from a start, on crops of the user's sets; 40 steps, the least that there are."""
    one, two = tmp_path / "one", tmp_path / "two"
    steps = {"least": 40, "per_image": 0.0, "most": 40}
    for folder in (one, two):
        tiny_finetuning.prepare(folder)
        write_split(folder / "real", "val", 12, seed=3)  # enough labels: no networks of folds
    params = tiny_finetuning.tiny_finetune(learning_rate=SMALL_STEPS, steps=steps)
    tiny_finetuning.run(one, params)
    torchrun("tiny_finetuning.py", two, f"steps={json.dumps(steps)}")
    assert_as_one(one, two)
