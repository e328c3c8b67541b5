"""Model files become versions: stock MLflow models whose file is DVC's, byte for byte."""

import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.errors import ModelFileError, NotFoundError
from blemish.files import sha256_bytes
from blemish.model_card import ModelCard
from blemish.registry.model_files import fetch_model
from blemish.store.connection import Store
from blemish.store.names import MODEL

if TYPE_CHECKING:
    from mlflow.entities.logged_model import LoggedModel
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

_TRACKING_URI = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class ModelFile:
    """One exported model.

    Attributes:
        precision: ``fp32`` or ``int8``.
        data: Its bytes.
        card: What the file says of itself.
    """

    precision: str
    data: bytes
    card: ModelCard

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, 64 hexadecimal digits."""
        return sha256_bytes(self.data)


def ensure_registered_model(store: Store) -> None:
    """Create the registered model where the store has none."""
    with store.calling("Looking for the registered model") as client:
        if not client.search_registered_models(f"name = '{MODEL}'", max_results=1):
            client.create_registered_model(
                MODEL, description="Finds scratches and other defects on metal surfaces."
            )


def find_versions(store: Store, tags: Mapping[str, str]) -> "list[ModelVersion]":
    """Return the versions that carry all of these tags, newest first; one page, for few do."""
    wanted = "".join(f" and tags.`{key}` = '{value}'" for key, value in tags.items())
    with store.calling("Searching versions") as client:
        found = client.search_model_versions(
            f"name = '{MODEL}'{wanted}", order_by=["version_number DESC"]
        )
        return list(found)


def register(store: Store, run_id: str, model: ModelFile, tags: Mapping[str, str]) -> int:
    """Log a model file to a run and register it as a version.

    Args:
        store: Where; the caller holds its lock.
        run_id: Run that the file belongs to.
        model: The file.
        tags: Tags of the version.

    Returns:
        The number of the version.
    """
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415 - the store has imported MLflow

    with store.calling(f"Registering the {model.precision} model") as client:
        logged = client.create_logged_model(
            store.experiment(), name=model.precision, source_run_id=run_id, tags=dict(tags)
        )
        with tempfile.TemporaryDirectory() as folder:
            _save_model(Path(folder) / "model", model, logged, run_id)
            client.log_model_artifacts(logged.model_id, str(Path(folder) / "model"))
        client.finalize_logged_model(logged.model_id, "READY")
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        with _as_default(store):
            made = client.create_model_version(
                MODEL,
                source=f"models:/{logged.model_id}",
                run_id=run_id,
                tags=dict(tags),
                await_creation_for=0,
                model_id=logged.model_id,
            )
        return int(made.version)


def restore(store: Store, found: "ModelVersion", model: ModelFile) -> bool:
    """Put the file of a version back where the store has lost or damaged it.

    Args:
        store: Where; the caller holds its lock.
        found: The version.
        model: The file that it was registered with.

    Returns:
        Whether that was needed.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            if fetch_model(store, int(found.version)) == model.data:
                return False
        except (NotFoundError, ModelFileError):
            pass  # lost or damaged: put back below
        with store.calling("Restoring the model") as client:
            logged = client.get_logged_model(str(found.source).rpartition("/")[2])
            _save_model(Path(folder) / "model", model, logged, str(found.run_id))
            client.log_model_artifacts(logged.model_id, str(Path(folder) / "model"))
    return True


@contextmanager
def _as_default(store: Store) -> Iterator[None]:
    """Make the store MLflow's default for a moment.

    MLflow resolves a ``models:/`` source at its default store, whatever the client's.
    """
    import mlflow  # noqa: PLC0415 - only recording needs it

    before = os.environ.get(_TRACKING_URI)
    mlflow.set_tracking_uri(store.location.uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # unset again
        if before is not None:
            os.environ[_TRACKING_URI] = before


def _save_model(folder: Path, model: ModelFile, logged: "LoggedModel", run_id: str) -> None:
    """Write an MLflow model whose ``model.onnx`` has exactly the bytes of the file.

    MLflow serialises the graph anew; the bytes are put back over its own.
    """
    import onnx  # noqa: PLC0415 - only recording needs it
    from mlflow.models import Model  # noqa: PLC0415 - as above

    with warnings.catch_warnings():  # about type hints of agents, while MLflow loads them
        warnings.simplefilter("ignore")
        import mlflow.onnx  # noqa: PLC0415 - as above
        import mlflow.pyfunc  # noqa: PLC0415 - as above

    mlflow.onnx.save_model(
        onnx.load_from_string(model.data),
        str(folder),
        mlflow_model=Model(
            artifact_path=logged.artifact_location,
            model_uuid=logged.model_id,
            run_id=run_id,
            model_id=logged.model_id,
        ),
        signature=_signature(),
        pip_requirements=[f"{name}=={version(name)}" for name in ("onnx", "onnxruntime")],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )
    (folder / "model.onnx").write_bytes(model.data)


def _signature() -> "ModelSignature":
    """Return the one signature of every model file: uint8 ``[N, 1, H, W]`` to float32."""
    import numpy as np  # noqa: PLC0415 - only recording needs it
    from mlflow.models import ModelSignature  # noqa: PLC0415 - as above
    from mlflow.types import Schema, TensorSpec  # noqa: PLC0415 - as above

    shape = (-1, 1, -1, -1)
    return ModelSignature(
        Schema([TensorSpec(np.dtype("uint8"), shape, "image")]),
        Schema([TensorSpec(np.dtype("float32"), shape, "probability")]),
    )
