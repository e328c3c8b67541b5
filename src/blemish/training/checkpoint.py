"""The state that survives a kill: written whole after each epoch, outside every DVC output."""

import io
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from blemish import files
from blemish.errors import TrainingError
from blemish.training.listener import EpochResult

State = dict[str, Any]


@dataclass
class Progress:
    """How far a training has come, without its weights."""

    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Optimizer steps done."""
    stopped: bool = False
    """Whether training ended early, without a better epoch for long."""
    best_dice: float = -1.0
    best_epoch: int = 0
    history: list[EpochResult] = field(default_factory=list)


@dataclass
class Checkpoint:
    """Everything needed to go on as if nothing had happened; no generator has state."""

    identity: str
    """Of the inputs of the stage that it belongs to."""
    progress: Progress
    network: State
    averaged: State
    optimizers: list[State]
    best: State
    """Averaged weights of the best epoch."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at a path, atomically, and sweep up what a kill left of another."""
    for unfinished in path.parent.glob(f".{path.stem}.*.tmp{path.suffix}"):
        unfinished.unlink()
    content = {**vars(checkpoint), "progress": asdict(checkpoint.progress)}
    files.write_bytes(path, tensor_bytes(content))


def load_checkpoint(path: Path, identity: str) -> Checkpoint | None:
    """Read the checkpoint of a training, if it has one.

    Args:
        path: Where it would lie.
        identity: Of the inputs of the stage that wants to go on.

    Raises:
        TrainingError: The file is not a checkpoint, or belongs to another training.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        progress = Progress(**content.pop("progress"))
        checkpoint = Checkpoint(progress=progress, **content)
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise TrainingError(
            f"{path} is no checkpoint of this version ({type(error).__name__}). "
            f"Start over: rm {path}"
        ) from error
    if checkpoint.identity != identity:
        raise TrainingError(
            f"{path} belongs to the training {checkpoint.identity[:12]}, not to "
            f"{identity[:12]}. Start over: rm {path}"
        )
    progress.history = [EpochResult(**row) for row in progress.history]  # type: ignore[arg-type]  # rows are dicts on disk
    return checkpoint


def tensor_bytes(value: Any) -> bytes:
    """Return tensors in PyTorch's format; equal tensors give equal bytes, whatever the path."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()
