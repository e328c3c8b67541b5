"""Where a start lies and how it is named; nothing here imports torch."""

import re
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from blemish.errors import ParamsError

SUFFIX = ".pt"

NO_START = "None"
"""Stem of the file that DVC takes for the start where ``finetune.start`` is null."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
        found = sorted({each.stem for each in starts.glob(f"*{SUFFIX}")} - {NO_START})
        raise ParamsError(
            f"finetune.start is {name!r}, but {path} is missing; there are: "
            f"{', '.join(found) or 'none'}. Put a version's weights there: blemish start REF "
            f"--name {name}"
        )
    return Start(path, name)


def check_name(name: str) -> None:
    """Refuse a name that could leave the folder of the starts, or that names none.

    Raises:
        ParamsError: It is not accepted.
    """
    if not _NAME.fullmatch(name) or not _is_text(name):
        raise ParamsError(
            f"A start cannot be named {name!r}; accepted: up to 100 letters, digits, '.', '_' and "
            "'-', the first a letter or digit, and no number, date, none, null, true or false."
        )


def _is_text(name: str) -> bool:
    """Whether ``finetune.start`` reads as this very name, neither as no start nor as a number."""
    return name.lower() != NO_START.lower() and isinstance(YAML(typ="safe").load(name), str)
