"""Identity of a training by content: what goes in, never when or where.

Training is two stages, ``train`` and ``finetune``; what one hands to the other follows from the
inputs of both, so it is no part of the identity.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from blemish.config import Workspace
from blemish.config.yaml_files import read_yaml
from blemish.errors import WorkspaceError
from blemish.files import canonical_json, sha256_bytes, sha256_tree

TRAINING_STAGES = ("train", "finetune")
_REFERENCE = re.compile(r"\$\{paths\.(\w+)\}")


def compute(workspace: Workspace) -> str:
    """Return the fingerprint of a training in this checkout.

    SHA-256 over the relative names and bytes of the deps of ``train`` and ``finetune`` and the
    values of their params, as ``dvc.yaml`` lists them, without what passes between the two.

    Args:
        workspace: The checkout.

    Returns:
        64 hexadecimal digits.

    Raises:
        WorkspaceError: A dep is missing, or ``dvc.yaml`` or ``params.yaml`` is corrupt.
    """
    defined = workspace.pipeline()["stages"]
    return _inputs(workspace, [name for name in TRAINING_STAGES if name in defined])


def stage_inputs(workspace: Workspace, stage: str) -> str:
    """Return SHA-256 over the inputs of one stage alone: its checkpoint is named by it.

    Args:
        workspace: The checkout.
        stage: A name in ``dvc.yaml``.

    Returns:
        64 hexadecimal digits.

    Raises:
        WorkspaceError: As :func:`compute`.
    """
    return _inputs(workspace, [stage])


def resolve_path(workspace: Workspace, item: str | dict[str, Any]) -> str:
    """Return a path of ``dvc.yaml`` with its ``${paths.NAME}`` filled in, relative to the root.

    Args:
        workspace: The checkout.
        item: An entry of ``deps`` or ``outs``: a path, or a mapping from it to its options.
    """
    raw = item if isinstance(item, str) else next(iter(item))
    paths = workspace.pipeline()["vars"][0]["paths"]
    return _REFERENCE.sub(lambda match: str(paths[match.group(1)]), raw)


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


def _inputs(workspace: Workspace, names: Sequence[str]) -> str:
    stages = [workspace.pipeline()["stages"][name] for name in names]
    made = {resolve_path(workspace, out) for stage in stages for out in stage.get("outs", [])}
    deps = {resolve_path(workspace, item) for stage in stages for item in stage["deps"]}
    keys = {key for stage in stages for key in stage.get("params", [])}
    content = {
        "deps": {
            dep: _digest(workspace.root / dep) for dep in sorted(deps) if not _within(dep, made)
        },
        "params": {key: param_value(workspace, key) for key in sorted(keys)},
    }
    return sha256_bytes(canonical_json(content))


def _within(dep: str, outputs: set[str]) -> bool:
    """Whether a path is one of these outputs or lies inside one."""
    path = PurePosixPath(dep)
    return any(str(place) in outputs for place in (path, *path.parents))


def _digest(path: Path) -> str:
    if not path.exists():
        raise WorkspaceError(f"{path} is missing, and training depends on it. Run: make repro")
    return sha256_tree(path)
