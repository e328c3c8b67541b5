"""A training small enough to run in seconds, in this process or in one that can be killed.

    python tests/tiny_training.py FOLDER [KEY=JSON ...]

trains on ``FOLDER/data`` and writes ``FOLDER/out``, ``FOLDER/curves.csv`` and, meanwhile,
``FOLDER/state/tiny.pt``; each epoch is a line on standard output.
"""

import json
import sys
from pathlib import Path
from typing import Any

from blemish.config.train import Train
from blemish.training import EpochResult, Listeners, train

IDENTITY = "train-" + "f" * 64


def tiny_params(**changes: Any) -> Train:
    """Return params of a training of seconds; ``changes`` replace whole keys."""
    values: dict[str, Any] = {
        "seed": 3,
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "network": {"width": 4},
        "epochs": 4,
        "crops": 16,
        "batch": 4,
        "crop": 64,
        "defect_share": 0.7,
        "learning_rate": 0.005,
        "warmup_epochs": 0.5,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        "ema_decay": 0.5,
        "patience": 10,
        "loss": {
            "focal_weight": 1.0,
            "focal_gamma": 0.0,
            "tversky_weight": 0.5,
            "false_positive_cost": 0.5,
            "false_negative_cost": 0.5,
            "scale_weight": 0.25,
        },
    }
    return Train.model_validate({**values, **changes})


class Notes:
    """A listener that keeps what it hears, and prints each epoch."""

    def __init__(self) -> None:
        self.resumed_from = -1
        self.epochs: list[EpochResult] = []
        self.losses: list[float] = []
        self.folds: list[tuple[int, int]] = []
        self.ended = False

    def fold(self, number: int, folds: int) -> Listeners:
        self.folds.append((number, folds))
        return Listeners(())

    def on_start(self, total_epochs: int, resumed_from: int) -> None:
        del total_epochs
        self.resumed_from = resumed_from

    def on_batch(self, done: int, total: int, loss: float) -> None:
        del done, total
        self.losses.append(loss)

    def on_epoch(self, result: EpochResult) -> None:
        self.epochs.append(result)
        print(f"epoch {result.epoch}", flush=True)  # noqa: T201 - the parent process reads it

    def on_end(self) -> None:
        self.ended = True


def run(folder: Path, params: Train) -> Notes:
    """Train in this process."""
    notes = Notes()
    train(
        folder / "data",
        folder / "out",
        folder / "curves.csv",
        params,
        identity=IDENTITY,
        checkpoint=folder / "state" / "tiny.pt",
        listener=notes,
    )
    if notes.losses:
        text = json.dumps([epoch.train_loss for epoch in notes.epochs])
        (folder / "losses.json").write_text(text, encoding="utf-8")
    return notes


def output_bytes(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every output of a training."""
    names = ("out/weights.pt", "out/training.json", "curves.csv")
    return {name: (folder / name).read_bytes() for name in names}


if __name__ == "__main__":
    pairs = [argument.partition("=") for argument in sys.argv[2:]]
    run(Path(sys.argv[1]), tiny_params(**{key: json.loads(value) for key, _, value in pairs}))
