"""Two processes started by ``torchrun`` train as one does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_world import write_split
from tiny_training import run, tiny_params

SCRIPT = Path(__file__).parents[1] / "tiny_training.py"


def test_two_processes_lose_as_one_does(tmp_path: Path) -> None:
    """At the same global batch the losses agree within float error, and one process writes.

    Steps are small: large ones amplify the last bit of a sum from one epoch to the next.
    """
    losses = {}
    for name in ("one", "two"):
        folder = tmp_path / name
        write_split(folder / "data", "train", 12, seed=1)
        write_split(folder / "data", "val", 6, seed=2)
    run(tmp_path / "one", tiny_params(epochs=2, learning_rate=0.0002))
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
            *("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"),
            *("--local-addr", "127.0.0.1", str(SCRIPT)),
            *(str(tmp_path / "two"), "epochs=2", "learning_rate=0.0002"),
        ],
        check=True,
        timeout=120,
        capture_output=True,
    )
    for name in ("one", "two"):
        losses[name] = json.loads((tmp_path / name / "losses.json").read_text())
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-4)
    one, two = (
        torch.load(tmp_path / name / "out" / "weights.pt", weights_only=True)
        for name in ("one", "two")
    )
    assert set(one) == set(two)
    assert (tmp_path / "two" / "curves.csv").exists()
