"""The weights that fine-tuning starts from: those of ``train``, or a named start."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch

from blemish.errors import ModelFileError, ParamsError
from blemish.finetuning.start_names import SUFFIX
from blemish.model import UNetTiny

_UNREADABLE = (RuntimeError, KeyError, TypeError, AttributeError, EOFError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Start:
    """Where the weights lie."""

    path: Path
    """A file of weights, as ``torch.save`` writes a state."""
    name: str | None = None
    """Of the start; None is the output of ``train``."""


def find_start(trained: Path, starts: Path, name: str | None) -> Start:
    """Find the weights that fine-tuning starts from.

    Args:
        trained: Output of ``train``.
        starts: Folder of the starts that a person put there.
        name: Of one of them; None is the output of ``train``.

    Raises:
        ParamsError: There is no start of that name.
    """
    if name is None:
        return Start(trained / "weights.pt")
    path = starts / f"{name}{SUFFIX}"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in starts.glob(f"*{SUFFIX}"))) or "none"
        raise ParamsError(
            f"finetune.start is {name!r}, but {path} is missing; there are: {known}. "
            f"Put a version's weights there: blemish start REF --name {name}"
        )
    return Start(path, name)


def load_start(start: Start) -> UNetTiny:
    """Load the network of a start, ready to be trained.

    Raises:
        ModelFileError: The file is missing or corrupt, or holds weights of another architecture.
    """
    again = "dvc repro train" if start.name is None else f"blemish start REF --name {start.name}"
    try:
        weights = torch.load(start.path, map_location="cpu", weights_only=True)
        network = UNetTiny(weights["stem.0.weight"].shape[0])
        network.load_state_dict(weights)
    except (OSError, *_UNREADABLE) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(
            f"The start {start.path} holds no weights of this architecture, UNetTiny: {first}. "
            f"Make it again: {again}"
        ) from error
    return network.train()
