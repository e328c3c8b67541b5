"""Model files of versions, as the store has them."""

import tempfile
from pathlib import Path
from typing import Any

import yaml

from blemish.errors import ModelFileError
from blemish.store.artifacts import fetch
from blemish.store.connection import Store
from blemish.store.names import MODEL

_MODEL_BYTES = 256 << 20
_DESCRIPTION_LENGTH = 1 << 18


def fetch_model(store: Store, number: int) -> bytes:
    """Return the ONNX file of a version, unverified.

    Raises:
        ModelFileError: The version is of another kind (a pickle, say), or absurdly large.
        NotFoundError: The store has lost it.
    """
    with store.calling("Locating the model") as client:
        uri = client.get_model_version_download_uri(MODEL, str(number))
    with tempfile.TemporaryDirectory() as folder:
        _check_flavor(fetch(store, f"{uri}/MLmodel", Path(folder)), number)
        path = fetch(store, f"{uri}/model.onnx", Path(folder))
        if path.stat().st_size > _MODEL_BYTES:
            raise ModelFileError(
                f"The file of version {number} has {path.stat().st_size} bytes; "
                f"accepted are at most {_MODEL_BYTES}."
            )
        return path.read_bytes()


def _check_flavor(description: Path, number: int) -> None:
    """Refuse everything but an ONNX model whose weights lie in one file of the usual name."""
    try:
        with description.open(encoding="utf-8") as stream:
            content: Any = yaml.safe_load(stream.read(_DESCRIPTION_LENGTH))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"The MLmodel of version {number} cannot be read: {str(error)[:200]}. Put it back from "
            "the checkout that made it: blemish sync"
        ) from error
    flavors = content.get("flavors", {}) if isinstance(content, dict) else {}
    onnx = flavors.get("onnx") if isinstance(flavors, dict) else None
    if not isinstance(onnx, dict) or onnx.get("data") != "model.onnx":
        names = ", ".join(map(str, flavors))[:80] if isinstance(flavors, dict) else "unreadable"
        raise ModelFileError(
            f"Version {number} of {MODEL!r} holds flavors {names}; accepted is onnx with one file, "
            "model.onnx. Nothing of it was loaded."
        )
