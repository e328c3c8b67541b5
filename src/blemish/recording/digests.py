"""Digests of the pipeline's outputs, as ``dvc.lock`` holds them and as the disk has them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from blemish.config import Workspace

_CHUNK = 1 << 20


def md5_of(path: Path) -> str:
    """Return what DVC 3 writes as the md5 of a file or folder.

    Args:
        path: A file, or a folder, whose digest is that of the JSON list of its members.

    Returns:
        32 hexadecimal digits, with ``.dir`` behind them for a folder.
    """
    if path.is_file():
        return md5_file(path)
    members = sorted(
        (member.relative_to(path).as_posix(), member)
        for member in path.rglob("*")
        if member.is_file()
    )
    listing = [{"md5": md5_file(member), "relpath": name} for name, member in members]
    digest = hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False)
    return f"{digest.hexdigest()}.dir"


def md5_file(path: Path) -> str:
    """Return the MD5 of a file's bytes, 32 hexadecimal digits (DVC's identity, no protection)."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def locked_outputs(workspace: Workspace, *, without: str | None = None) -> dict[str, str]:
    """Return path to md5 of every output in ``dvc.lock``; empty when no stage ever ran.

    Args:
        workspace: The checkout.
        without: A stage whose entry is left out.

    Raises:
        WorkspaceError: ``dvc.lock`` is corrupt.
    """
    stages: dict[str, Any] = workspace.lock().get("stages") or {}
    return {
        out["path"]: out["md5"]
        for name, stage in stages.items()
        if name != without
        for out in stage.get("outs", [])
        if "md5" in out
    }
