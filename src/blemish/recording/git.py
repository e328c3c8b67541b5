"""Which commit a checkout stands at, and whether what it runs is committed."""

import os
import subprocess

from blemish.config import Workspace
from blemish.store.names import COMMIT, DIRTY

_ASIDE = ("dvc.lock", "reports", "benchmarks/results.json", "**/.gitignore")
"""What running the pipeline itself rewrites; a change there makes no source dirty."""


def commit_tags(workspace: Workspace) -> dict[str, str]:
    """Return ``git_commit`` and ``git_dirty`` of a checkout, as tags.

    Args:
        workspace: The checkout. In a DVC experiment's copy the commit is the one that it started
            from; without git both are ``unknown``.
    """
    commit = _git(workspace, "rev-parse", "HEAD")
    if commit is None:
        return {COMMIT: "unknown", DIRTY: "unknown"}
    aside = [f":(exclude,glob){path}" for path in _ASIDE]
    changes = _git(workspace, "status", "--porcelain", "--", ".", *aside)
    return {
        COMMIT: commit,
        DIRTY: "unknown" if changes is None else str(bool(changes)).lower(),
    }


def author(workspace: Workspace | None) -> str:
    """Say who moves an alias: git's user, else the login name."""
    name = _git(workspace, "config", "user.name") if workspace else None
    return name or os.environ.get("USER") or os.environ.get("LOGNAME") or "unknown"


def _git(workspace: Workspace, *arguments: str) -> str | None:
    """Run git in the checkout; None where it fails or is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(workspace.root), *arguments],  # noqa: S607 - git comes from the path
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
