"""What ``dvc.yaml`` and ``dvc.lock`` say, and DVC's digests, read without DVC.

Not by ``dvc.api`` or ``dvc.repo.Repo``: a stage is named by its inputs and the outputs are recorded
while DVC itself runs the stage. DVC holds its lock then and writes ``dvc.lock`` only when the stage
has ended, and an installation that only serves has no DVC.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from blemish.config import Workspace
from blemish.config.yaml_files import read_yaml
from blemish.errors import WorkspaceError

_CHUNK = 1 << 20
_REFERENCE = re.compile(r"\$\{([^}]*)\}")


def resolve_path(workspace: Workspace, item: str | dict[str, Any]) -> str:
    """Return a path of ``dvc.yaml``, relative to the root, its ``${...}`` filled in as DVC does.

    Args:
        workspace: The checkout.
        item: An entry of ``deps`` or ``outs``: a path, or a mapping from it to its options.
            ``${paths.NAME}`` comes from ``dvc.yaml``, any other reference from ``params.yaml``.

    Raises:
        WorkspaceError: A reference names nothing.
    """
    raw = item if isinstance(item, str) else next(iter(item))
    return _REFERENCE.sub(lambda match: _referred(workspace, match[1]), raw)


def _referred(workspace: Workspace, key: str) -> str:
    """Return what stands for a reference; DVC writes null as ``None``."""
    block, _, name = key.partition(".")
    if block == "paths":
        return workspace.path(name).relative_to(workspace.root).as_posix()
    return str(param_value(workspace, key))


def param_value(workspace: Workspace, key: str) -> Any:
    """Return the value of ``params.yaml`` under a dotted key.

    Raises:
        WorkspaceError: The file or the key is missing.
    """
    try:
        value: Any = read_yaml(workspace.params_file, WorkspaceError)
        for part in key.split("."):
            value = value[part]
    except (OSError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{workspace.params_file} has no readable {key!r}, which dvc.yaml names. "
            "Restore it: git checkout -- params.yaml"
        ) from error
    return value


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


def running_stage() -> str | None:
    """Return the stage that DVC runs just now: its entry in ``dvc.lock`` is still the old one."""
    return os.environ.get("DVC_STAGE")


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


def locked_params(workspace: Workspace) -> dict[str, Any]:
    """Return the params, by dotted key, that the finished stages ran with, each of its own block.

    Raises:
        WorkspaceError: ``dvc.lock`` is corrupt.
    """
    stages: dict[str, Any] = workspace.lock().get("stages") or {}
    return {
        key: value
        for name, stage in stages.items()
        if name != running_stage()
        for key, value in stage.get("params", {}).get("params.yaml", {}).items()
        if key.partition(".")[0] == name
    }
