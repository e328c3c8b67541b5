"""Files of the store on this host; those of an embedded store are read where they lie."""

import shutil
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from blemish.errors import NotFoundError
from blemish.store.connection import Store


def fetch(store: Store, uri: str, target: Path) -> Path:
    """Return an artifact as a file or folder on this host.

    Args:
        store: Where it is.
        uri: MLflow's name of it.
        target: Folder for a download, where one is needed.

    Raises:
        NotFoundError: The store has lost it.
        StoreUnreachableError: The store does not answer.
    """
    local = local_path(uri)
    if local is not None:
        return require(local)
    with store.calling("Fetching an artifact"):
        import mlflow.artifacts  # noqa: PLC0415 - the store has imported MLflow by now

        return Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=str(target), tracking_uri=store.location.uri
            )
        )


def fetch_file(store: Store, run_id: str, name: str, target: Path) -> Path:
    """Return one artifact of a run as a file on this host.

    Raises:
        NotFoundError: The run has no such artifact.
    """
    with store.calling("Locating an artifact") as client:
        uri = client.get_run(run_id).info.artifact_uri
    return fetch(store, f"{uri}/{name}", target)


def fetch_folder(store: Store, run_id: str, name: str, target: Path) -> Path:
    """Return a folder of a run's artifacts on this host, downloading it once.

    Args:
        store: Where the run is.
        run_id: The run; its artifacts do not change once it is closed.
        name: Folder within its artifacts.
        target: Where to keep a download.

    Raises:
        NotFoundError: The run has no such folder.
    """
    with store.calling("Locating an artifact") as client:
        uri = client.get_run(run_id).info.artifact_uri
    local = local_path(f"{uri}/{name}")
    if local is not None:
        return require(local)
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-") as folder:
            _move_into_place(fetch(store, f"{uri}/{name}", Path(folder)), target)
    return target


def _move_into_place(source: Path, target: Path) -> None:
    try:
        shutil.move(source, target)
    except (OSError, shutil.Error):
        if not target.is_dir():  # otherwise another process was first, with the same files
            raise


def local_path(uri: str) -> Path | None:
    """Return the path that an artifact URI names on this host; None for a remote one."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(uri) if not parts.scheme else None


def require(path: Path) -> Path:
    """Return a path that is there.

    Raises:
        NotFoundError: It is not.
    """
    if not path.exists():
        raise NotFoundError(f"The store has lost {path}. Record it again: blemish sync")
    return path
