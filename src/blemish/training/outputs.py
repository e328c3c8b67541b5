"""What a training leaves: weights, a description of them, and its curves."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from blemish import files
from blemish.config.train import Train
from blemish.training.checkpoint import Progress, tensor_bytes
from blemish.training.listener import EpochResult

_COLUMNS = ("epoch", "train_loss", "val_dice", "val_loss", "learning_rate")


def write_outputs(
    out: Path,
    curves: Path,
    weights: dict[str, Tensor],
    *,
    progress: Progress,
    params: Train,
    fingerprint: str,
) -> None:
    """Write ``weights.pt``, ``training.json`` and the curves; none of them holds a time."""
    description: dict[str, Any] = {
        "fingerprint": fingerprint,
        "architecture": {"name": "UNetTiny", **params.network.model_dump()},
        "parameters": sum(value.numel() for value in weights.values() if value.is_floating_point()),
        "best_epoch": progress.best_epoch,
        "best_val_dice": progress.best_dice,
        "epochs": progress.epoch,
        "steps": progress.step,
    }
    files.write_text(curves, curves_csv(progress.history))
    files.write_json(out / "training.json", description)
    files.write_bytes(out / "weights.pt", tensor_bytes(weights))


def curves_csv(history: Sequence[EpochResult]) -> str:
    """Return the figures of each epoch as CSV, exact to the last bit."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows([repr(getattr(row, name)) for name in _COLUMNS] for row in history)
    return text.getvalue()
