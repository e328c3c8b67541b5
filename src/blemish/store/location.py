"""Where MLflow keeps the record.

The embedded store is one SQLite file and a folder of artifacts in the main working tree, shared by
its worktrees and experiment copies. ``MLFLOW_TRACKING_URI`` replaces it everywhere at once.
"""

from dataclasses import dataclass
from pathlib import Path

from blemish.config import Workspace, find_workspace, settings
from blemish.config.addresses import sqlite_path, sqlite_url
from blemish.config.secrets import hide_password


@dataclass(frozen=True)
class Location:
    """Where a store is.

    Attributes:
        uri: As MLflow takes it; SQLite paths are absolute.
        root: The main working tree for the embedded store, else None.
    """

    uri: str
    root: Path | None = None

    @property
    def is_server(self) -> bool:
        """Whether an MLflow server answers there."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def database(self) -> Path | None:
        """The SQLite file, for a store that is one."""
        return sqlite_path(self.uri)

    @property
    def artifacts(self) -> str | None:
        """Where artifacts go; None where a server decides."""
        return (self.root / "mlartifacts").as_uri() if self.root else None

    def __str__(self) -> str:
        if self.root:
            return "sqlite:///mlflow.db"
        return hide_password(self.uri)


def locate(workspace: Workspace | None = None, uri: str | None = None) -> Location:
    """Say where the store is: ``uri``, else ``MLFLOW_TRACKING_URI``, else the embedded one.

    Args:
        workspace: A checkout; found from the working directory where None and needed.
        uri: An MLflow server or database. A relative SQLite path counts from the main working
            tree, so that an experiment's copy does not fill a throwaway database.

    Raises:
        WorkspaceError: No URI is given and there is no checkout here.
    """
    uri = uri or settings().tracking_uri
    if not uri:
        main = (workspace or find_workspace()).main
        return Location(sqlite_url(main / "mlflow.db"), main)
    path = sqlite_path(uri)
    if path is not None and not path.is_absolute():
        main = (workspace or find_workspace()).main
        return Location(sqlite_url(main / path))
    return Location(uri)
