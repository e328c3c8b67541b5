"""Identity of a training by content: what goes in, never when or where.

Training is two stages, ``train`` and ``finetune``; what one hands to the other follows from the
inputs of both, so it is no part of the identity.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from blemish.config import Workspace
from blemish.errors import WorkspaceError
from blemish.files import canonical_json, sha256_bytes, sha256_tree
from blemish.recording.dvc_files import param_value, resolve_path

TRAINING_STAGES = ("train", "finetune")


def training_fingerprint(workspace: Workspace) -> str:
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
    return _inputs(workspace, TRAINING_STAGES)


def stage_fingerprint(workspace: Workspace, stage: str) -> str:
    """Return SHA-256 over the inputs of one stage alone: its checkpoint is named by it.

    Args:
        workspace: The checkout.
        stage: A name in ``dvc.yaml``.

    Returns:
        64 hexadecimal digits.

    Raises:
        WorkspaceError: As :func:`training_fingerprint`.
    """
    return _inputs(workspace, [stage])


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
        raise WorkspaceError(
            f"{path} is missing, and training depends on it. Make it: make repro; a start: "
            f"blemish start REF --name {path.stem}"
        )
    return sha256_tree(path)
