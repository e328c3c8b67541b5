"""A connection to the MLflow store that never waits long; its errors are ours."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.config import Workspace, settings
from blemish.errors import NotFoundError, StoreError, StoreUnreachableError
from blemish.files import sha256_bytes
from blemish.store.location import Location, locate
from blemish.store.names import EXPERIMENT

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE_S = 2.0
"""Longest wait for one answer of the store, seconds."""
_LOCK_PATIENCE_S = 120.0
_ENVIRONMENT = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_ABSENT = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"})
_REFUSED = frozenset({"INVALID_PARAMETER_VALUE", "PERMISSION_DENIED", "RESOURCE_ALREADY_EXISTS"})


class Store:
    """A connection to MLflow; every call through :meth:`calling` raises our own errors.

    Args:
        location: Where the store is.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    @cached_property
    def client(self) -> "MlflowClient":
        """The MLflow client, imported on first use (a second and a half)."""
        prepare_mlflow()
        if self.location.database:  # a connection kept open would outlive a file that is replaced
            os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"
        from mlflow import MlflowClient  # noqa: PLC0415 - slow, and needs its environment first

        quiet_mlflow()
        return MlflowClient(self.location.uri, self.location.uri)

    def check(self) -> None:
        """Ask whether the store answers, waiting at most ``PATIENCE_S``.

        Raises:
            StoreUnreachableError: It does not, or something else answers in its place.
        """
        if self.location.database:
            self._check_file(self.location.database)
        elif self.location.is_server:
            self._check_server()
        else:
            self._check_database()

    def is_empty(self) -> bool:
        """Say whether this is an SQLite store that nobody has written yet."""
        path = self.location.database
        return path is not None and (not path.exists() or path.stat().st_size == 0)

    @contextmanager
    def calling(self, what: str) -> Iterator["MlflowClient"]:
        """Yield the client; an error of MLflow becomes one of ours.

        Args:
            what: What is being done, as in "Reading versions".

        Raises:
            NotFoundError: What was asked for is not in the store.
            StoreUnreachableError: The store does not answer, or not as MLflow does.
            StoreError: It refused the call.
        """
        client = self.client
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - as above

        try:
            yield client
        except MlflowException as error:
            raise self._translate(what, error) from error
        except (OSError, ValueError) as error:  # connection lost; an answer that is no JSON
            raise self._unreachable(f"{what}: {_one_line(error)}") from error

    def experiment(self) -> str:
        """Return the id of the experiment, made on first use."""
        with self.calling("Opening the experiment") as client:
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is None:
                return client.create_experiment(EXPERIMENT, self.location.artifacts)
            if found.lifecycle_stage != "active":
                client.restore_experiment(found.experiment_id)
            return str(found.experiment_id)

    def artifact_location(self) -> str | None:
        """Return where the experiment keeps its artifacts; None before there is one."""
        with self.calling("Reading the experiment") as client:
            found = client.get_experiment_by_name(EXPERIMENT)
            return str(found.artifact_location) if found else None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock that lets one process of this host at a time write the store.

        Raises:
            StoreError: Another process has held it for two minutes.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - not needed to read

        path = self._lock_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=_LOCK_PATIENCE_S):
                yield
        except Timeout as error:
            raise StoreError(
                f"Another process has been writing {self.location} for {_LOCK_PATIENCE_S:.0f} s. "
                "Wait for it, or see: blemish doctor"
            ) from error

    def _lock_path(self) -> Path:
        if self.location.root:
            return Workspace(self.location.root).state / "store.lock"
        name = sha256_bytes(self.location.uri.encode())[:16]
        return settings().cache / "locks" / f"{name}.lock"

    def _check_file(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size == 0:
            if not os.access(path.parent, os.W_OK):
                raise self._unreachable(f"{path.parent} is missing or cannot be written")
            return
        try:
            connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE_S)
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._unreachable(_one_line(error)) from error

    def _check_server(self) -> None:
        import httpx  # noqa: PLC0415 - not needed for a file

        try:
            answer = httpx.get(f"{self.location.uri.rstrip('/')}/health", timeout=PATIENCE_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(_one_line(error) or type(error).__name__) from error
        if answer.status_code != 200 or answer.text.strip() != "OK":
            raise self._unreachable(
                f"/health answered {answer.status_code} {answer.text[:40]!r}, expected 200 'OK'"
            )

    def _check_database(self) -> None:
        import sqlalchemy  # noqa: PLC0415 - not needed for a file

        try:
            timeout = {"connect_timeout": int(PATIENCE_S)}
            engine = sqlalchemy.create_engine(self.location.uri, connect_args=timeout)
            with engine.connect():
                pass
            engine.dispose()
        except (sqlalchemy.exc.SQLAlchemyError, ImportError, TypeError) as error:
            raise self._unreachable(_one_line(error)) from error

    def _translate(self, what: str, error: Exception) -> StoreError:
        code = getattr(error, "error_code", "")
        if code in _ABSENT:
            return NotFoundError(f"{what}: not found at {self.location}: {_one_line(error)}")
        if code in _REFUSED:
            return StoreError(
                f"{what}: the MLflow store at {self.location} refused: {_one_line(error)}"
            )
        return self._unreachable(f"{what}: {_one_line(error)}")

    def _unreachable(self, reason: str) -> StoreUnreachableError:
        mend = (
            "See: blemish doctor"
            if self.location.database
            else "Start it (make ui), or unset MLFLOW_TRACKING_URI to use the embedded store."
        )
        return StoreUnreachableError(
            f"The MLflow store at {self.location} does not answer: {reason}. {mend}"
        )


def connect(workspace: Workspace | None = None, uri: str | None = None) -> Store:
    """Return a store that has just answered.

    Raises:
        StoreUnreachableError: It does not answer within ``PATIENCE_S``.
        WorkspaceError: No URI is given and there is no checkout here.
    """
    store = Store(locate(workspace, uri))
    store.check()
    return store


def prepare_mlflow() -> None:
    """Set MLflow's environment before its import: no telemetry, retries or pickles; 2 seconds."""
    os.environ.update(_ENVIRONMENT)


def quiet_mlflow() -> None:
    """Leave MLflow's news about its tables unsaid."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
