"""Fetching artifacts from the store; files of an embedded store are read where they lie."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from blemish.errors import ModelFileError
from blemish.tracking.artifacts import fetch, local_path, require
from blemish.tracking.names import MODEL
from blemish.tracking.store import Store

_MODEL_BYTES = 256 << 20


def fetch_model(store: Store, number: int) -> bytes:
    """Return the ONNX file of a version, unverified.

    Raises:
        ModelFileError: The version is of another kind (a pickle, say), or absurdly large.
        NotFoundError: The store has lost it.
    """
    with store.calling("Locating the model") as client:
        uri = client.get_model_version_download_uri(MODEL, str(number))
    with tempfile.TemporaryDirectory() as folder:
        description = fetch(store, f"{uri}/MLmodel", Path(folder)).read_text(encoding="utf-8")
        _check_flavor(description, number)
        path = fetch(store, f"{uri}/model.onnx", Path(folder))
        if path.stat().st_size > _MODEL_BYTES:
            raise ModelFileError(
                f"The file of version {number} has {path.stat().st_size} bytes; "
                f"accepted are at most {_MODEL_BYTES}."
            )
        return path.read_bytes()


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


def _check_flavor(description: str, number: int) -> None:
    """Refuse everything but an ONNX model whose weights lie in one file of the usual name."""
    content: Any = yaml.safe_load(description)
    flavors = content.get("flavors", {}) if isinstance(content, dict) else {}
    onnx = flavors.get("onnx") if isinstance(flavors, dict) else None
    if not isinstance(onnx, dict) or onnx.get("data") != "model.onnx":
        names = ", ".join(flavors) if isinstance(flavors, dict) else "unreadable"
        raise ModelFileError(
            f"Version {number} of {MODEL!r} holds flavors {names}; accepted is onnx with one file, "
            "model.onnx. Nothing of it was loaded."
        )
