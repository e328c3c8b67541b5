"""Without a set of the user's there is nothing to adapt to: the weights are handed on as they are.

Nothing here imports torch, so that handing on those of ``train`` takes no time worth mentioning.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blemish import files
from blemish.errors import ModelFileError
from blemish.packed import SPLITS, PackedSet

CURVES_HEADER = "epoch,train_loss,val_dice,val_loss,learning_rate\n"


def nothing_to_adapt_to(real: Path) -> bool:
    """Tell whether no set of the user's was chosen.

    Args:
        real: Folder of the packed splits of the user's sets.
    """
    return not any(len(PackedSet.open(real, split)) for split in SPLITS)


def describe_trained(trained: Path) -> dict[str, Any]:
    """Return what ``train`` wrote of its network.

    Raises:
        ModelFileError: It is missing or corrupt.
    """
    path = trained / "training.json"
    try:
        description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"The trained network at {trained} cannot be read: {error}. Run: dvc repro train"
        ) from error
    return description


def hand_on(
    weights: Path,
    description: Mapping[str, Any],
    out: Path,
    curves: Path,
    drawn: Path,
    *,
    fingerprint: str,
) -> None:
    """Copy the weights of ``train``, or of a start, byte for byte.

    Args:
        weights: The file.
        description: Of their network, with its ``architecture``.
        out: Folder for ``weights.pt`` and ``training.json``.
        curves: File for the curves; gets a header alone.
        drawn: Folder for contact sheets; stays empty.
        fingerprint: Of the inputs of both stages.

    Raises:
        ModelFileError: The weights cannot be read.
    """
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"The weights {weights} cannot be read: {error}. Run: dvc repro train"
        ) from error
    drawn.mkdir(parents=True, exist_ok=True)
    files.write_text(curves, CURVES_HEADER)
    files.write_json(out / "training.json", {**description, "fingerprint": fingerprint})
    files.write_bytes(out / "weights.pt", content)
