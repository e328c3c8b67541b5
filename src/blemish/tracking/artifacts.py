"""Files of the store on this host; those of an embedded store are read where they lie."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from blemish.errors import NotFoundError
from blemish.tracking.store import Store


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
