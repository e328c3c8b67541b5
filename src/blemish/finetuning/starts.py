"""The network that fine-tuning starts from."""

import pickle
from typing import Any

import torch

from blemish.errors import ModelFileError
from blemish.files import sha256_file
from blemish.finetuning.start_files import Start
from blemish.model import UNetTiny

_UNREADABLE = (RuntimeError, KeyError, TypeError, AttributeError, EOFError, pickle.UnpicklingError)


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


def describe_start(start: Start) -> dict[str, Any]:
    """Return what ``training.json`` says of a start whose weights are handed on.

    Raises:
        ModelFileError: As :func:`load_start`.
    """
    network = load_start(start)
    return {
        "architecture": {"name": "UNetTiny", "width": network.width},
        "start": name_start(start),
    }


def name_start(start: Start) -> dict[str, str | None]:
    """Return name and SHA-256 of a start; the name is null for the output of ``train``."""
    return {"name": start.name, "sha256": sha256_file(start.path)}
