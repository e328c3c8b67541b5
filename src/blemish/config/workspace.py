"""Where a checkout and its outputs lie; ``dvc.yaml`` is the one place that names them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blemish.config.yaml_files import read_yaml
from blemish.errors import WorkspaceError


@dataclass(frozen=True)
class Workspace:
    """A checkout of the project: the main one, a git worktree, or a DVC experiment's copy."""

    root: Path

    @property
    def main(self) -> Path:
        """The main working tree, which holds the embedded store for every copy of it."""
        return _main_worktree(_outside_experiments(self.root))

    @property
    def params_file(self) -> Path:
        """The ``params.yaml`` of this checkout."""
        return self.root / "params.yaml"

    @property
    def state(self) -> Path:
        """Git-ignored state of ours in the main working tree: checkpoints, locks."""
        return self.main / ".blemish"

    def path(self, name: str) -> Path:
        """Return where ``dvc.yaml`` puts an output, by its name under ``vars: paths:``.

        Raises:
            WorkspaceError: ``dvc.yaml`` names no such path.
        """
        paths: dict[str, str] = self.pipeline()["vars"][0]["paths"]
        if name not in paths:
            raise WorkspaceError(f"dvc.yaml names no path {name!r}; it names {', '.join(paths)}.")
        return self.root / paths[name]

    def pipeline(self) -> dict[str, Any]:
        """Return ``dvc.yaml`` parsed.

        Raises:
            WorkspaceError: It is corrupt.
        """
        return _read_yaml(self.root / "dvc.yaml")

    def lock(self) -> dict[str, Any]:
        """Return ``dvc.lock`` parsed; empty when no stage ever ran.

        Raises:
            WorkspaceError: It is corrupt.
        """
        path = self.root / "dvc.lock"
        return _read_yaml(path) if path.exists() else {}


def find_workspace(start: Path | None = None) -> Workspace:
    """Find the checkout around a folder; outside any, the one this package was installed from.

    Args:
        start: A folder; the working directory by default.

    Raises:
        WorkspaceError: There is none.
    """
    here = (start or Path.cwd()).resolve()
    package = Path(__file__).resolve().parent
    for folder in (here, *here.parents, *package.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "src" / "blemish").is_dir():
            return Workspace(folder)
    raise WorkspaceError(
        f"No Blemish checkout at or above {here}. Change into one, or name the store: "
        "MLFLOW_TRACKING_URI=http://HOST:5000"
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    content = read_yaml(path, WorkspaceError)
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} is empty or cut off. Run: blemish doctor")
    return content


def _outside_experiments(root: Path) -> Path:
    """Step from ``.dvc/tmp/exps/...`` to the checkout that DVC copied."""
    for folder in root.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return root


def _main_worktree(root: Path) -> Path:
    """Step from a git worktree to its main working tree, by the ``.git`` file that links them."""
    link = root / ".git"
    if not link.is_file():
        return root
    target = Path(link.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
    git_dir = Path(os.path.normpath(root / target))
    return git_dir.parents[2] if git_dir.parent.name == "worktrees" else root
