"""What a training leaves: weights, a description of them, and its curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from blemish import files
from blemish.training.checkpoint import Progress, tensor_bytes
from blemish.training.listener import EpochResult

_COLUMNS = ("epoch", "train_loss", "val_dice", "val_loss", "learning_rate")


def describe(
    weights: Mapping[str, Tensor], progress: Progress, width: int, precision: str
) -> dict[str, Any]:
    """Describe trained weights: their architecture and how they came about, without a time.

    Args:
        weights: Of the network.
        progress: Of its training.
        width: Channels at half resolution.
        precision: That was computed in: on another processor ``auto`` may choose another.
    """
    return {
        "architecture": {"name": "UNetTiny", "width": width},
        "parameters": sum(value.numel() for value in weights.values() if value.is_floating_point()),
        "best_epoch": progress.best_epoch,
        "best_val_dice": progress.best_dice,
        "epochs": len(progress.history),
        "steps": progress.step,
        "precision": precision,
    }


def write_outputs(
    out: Path,
    curves: Path,
    weights: Mapping[str, Tensor],
    history: Sequence[EpochResult],
    description: Mapping[str, Any],
) -> None:
    """Write ``weights.pt``, ``training.json`` and the curves; none of them holds a time."""
    files.write_text(curves, curves_csv(history))
    files.write_json(out / "training.json", dict(description))
    files.write_bytes(out / "weights.pt", tensor_bytes(dict(weights)))


def curves_csv(history: Sequence[EpochResult]) -> str:
    """Return the metrics of each epoch as CSV, exact to the last bit."""
    rows = ([repr(getattr(row, name)) for name in _COLUMNS] for row in history)
    return files.csv_text(_COLUMNS, rows)
