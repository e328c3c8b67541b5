"""Identity of a training by content: what goes in, never when or where."""

import re
from pathlib import Path
from typing import Any

import yaml

from blemish.config import Workspace
from blemish.errors import WorkspaceError
from blemish.files import canonical_json, sha256_bytes, sha256_tree

_REFERENCE = re.compile(r"\$\{paths\.(\w+)\}")


def compute(workspace: Workspace) -> str:
    """Return the fingerprint of a training in this checkout.

    SHA-256 over the relative names and bytes of the deps of ``train`` and the values of its params,
    as ``dvc.yaml`` lists them.

    Args:
        workspace: The checkout.

    Returns:
        64 hexadecimal digits.

    Raises:
        WorkspaceError: A dep is missing, or ``dvc.yaml`` or ``params.yaml`` is torn.
    """
    stage = workspace.pipeline()["stages"]["train"]
    deps = [resolve_path(workspace, item) for item in stage["deps"]]
    content = {
        "deps": {dep: _digest(workspace.root / dep) for dep in sorted(deps)},
        "params": {key: param_value(workspace, key) for key in sorted(stage.get("params", []))},
    }
    return sha256_bytes(canonical_json(content))


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
        value: Any = yaml.safe_load(workspace.params_file.read_text(encoding="utf-8"))
        for part in key.split("."):
            value = value[part]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{workspace.params_file} has no readable {key!r}, which dvc.yaml names. "
            "Restore it: git checkout -- params.yaml"
        ) from error
    return value


def _digest(path: Path) -> str:
    if not path.exists():
        raise WorkspaceError(f"{path} is missing, and train depends on it. Run: make repro")
    return sha256_tree(path)
