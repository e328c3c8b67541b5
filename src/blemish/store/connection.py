"""A connection to the MLflow store that never waits long; its errors are ours."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.config import Workspace, settings
from blemish.config.addresses import sqlite_url
from blemish.config.secrets import has_unquoted_password, hide_password_in
from blemish.errors import NotFoundError, StoreError, StoreUnreachableError
from blemish.files import sha256_bytes
from blemish.store.bounded import bounded
from blemish.store.location import Location, locate
from blemish.store.names import EXPERIMENT, EXPERIMENT_TAG
from blemish.store.sqlite_file import Condition, create, diagnose, locked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

PATIENCE_S = 2.0
"""Longest wait for one answer of the store, seconds."""
_LOCK_PATIENCE_S = 120.0
_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
"""Waits of MLflow's own client, where the user has set none."""
_ENVIRONMENT = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_TLS = (
    "for a certificate of your own authority see MLFLOW_TRACKING_SERVER_CERT_PATH, "
    "for one of the client MLFLOW_TRACKING_CLIENT_CERT_PATH"
)
_QUOTING = "In a password write / # ? @ as %2F %23 %3F %40."
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
        if "%" in sys.prefix and self.location.database:
            raise StoreError(
                f"{sys.prefix} has a % in its path, and MLflow makes no tables from there. "
                "Move the checkout to a path without it, then run: make setup"
            )
        if self.location.database:  # a connection kept open would outlive a file that is replaced
            os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"
        from mlflow import MlflowClient  # noqa: PLC0415 - slow, and needs its environment first

        quiet_mlflow()
        path = self.location.database
        if path and self.is_empty():
            create(path, _fill)
        return MlflowClient(self.location.uri, self.location.uri)

    def open(self) -> None:
        """Import MLflow, and make the tables of a new store, all or none."""
        self.client  # noqa: B018 - made on first use

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
        try:
            client = self.client
        except ValueError as error:  # brackets that do not end, for one
            raise self._unreachable(f"{what}: {_one_line(error)}") from error
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - as above

        try:
            yield client
        except MlflowException as error:
            raise self._translate(what, error) from error
        except (OSError, ValueError) as error:  # connection lost; an answer that is no JSON
            raise self._unreachable(f"{what}: {_one_line(error)}") from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in ("sqlalchemy", "alembic"):
                raise  # no error of the store
            if self.location.database:
                self._check_file(self.location.database)  # says what is wrong with the file
            raise self._unreachable(f"{what}: {_one_line(error)}") from error

    def experiment(self) -> str:
        """Return the id of the experiment, made on first use; a renamed one is found by its tag."""
        with self.calling("Opening the experiment") as client:
            found = self._find_experiment(client)
            if found is None:
                tags = {EXPERIMENT_TAG: EXPERIMENT}
                return client.create_experiment(EXPERIMENT, self.location.artifacts, tags)
            if found.lifecycle_stage != "active":
                client.restore_experiment(found.experiment_id)
            if EXPERIMENT_TAG not in found.tags:
                client.set_experiment_tag(found.experiment_id, EXPERIMENT_TAG, EXPERIMENT)
            return str(found.experiment_id)

    def artifact_location(self) -> str | None:
        """Return where the experiment keeps its artifacts; None before there is one."""
        with self.calling("Reading the experiment") as client:
            found = self._find_experiment(client)
            return str(found.artifact_location) if found else None

    def _find_experiment(self, client: "MlflowClient") -> "Experiment | None":
        from mlflow.entities import ViewType  # noqa: PLC0415 - MLflow is imported by now

        wanted = f"tags.`{EXPERIMENT_TAG}` = '{EXPERIMENT}'"
        tagged = client.search_experiments(view_type=ViewType.ALL, filter_string=wanted)
        active = [one for one in tagged if one.lifecycle_stage == "active"]
        return next(iter([*active, *tagged]), None) or client.get_experiment_by_name(EXPERIMENT)

    @contextmanager
    def writing(self, patience: float = _LOCK_PATIENCE_S) -> Iterator[None]:
        """Hold the lock that lets one process of this host at a time write the store.

        Args:
            patience: Longest wait for another process, seconds.

        Raises:
            StoreError: Another process has held it for that long.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - not needed to read

        path = self._lock_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=patience):
                yield
        except Timeout as error:
            raise StoreError(
                f"Another process has been writing {self.location} for {patience:.0f} s. "
                "Wait for it, or see: blemish doctor"
            ) from error

    def _lock_path(self) -> Path:
        if self.location.root:
            return Workspace(self.location.root).state / "store.lock"
        name = sha256_bytes(self.location.uri.encode())[:16]
        return settings().cache / "locks" / f"{name}.lock"

    def _check_file(self, path: Path) -> None:
        found = diagnose(path, PATIENCE_S)
        if found.condition is Condition.ABSENT:
            if not os.access(path.parent, os.W_OK):
                raise self._unreachable(f"{path.parent} is missing or cannot be written")
        elif found.problem:
            raise StoreUnreachableError(f"{found.problem}. Try: {found.advice}")

    def _check_server(self) -> None:
        """Ask as MLflow's own client asks: its TLS, authentication and proxy settings hold."""
        prepare_mlflow()
        import requests  # noqa: PLC0415 - not needed for a file
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - as above
        from mlflow.utils.credentials import get_default_host_creds  # noqa: PLC0415 - as above
        from mlflow.utils.rest_utils import http_request  # noqa: PLC0415 - as above

        ask = partial(
            http_request,
            get_default_host_creds(self.location.uri.rstrip("/")),  # type: ignore[no-untyped-call]
            "/health",
            "GET",
            max_retries=0,
            timeout=PATIENCE_S,
            raise_on_status=False,
        )
        try:
            silent = partial(self._unreachable, f"no answer within {PATIENCE_S:.0f} s")
            answer = bounded(ask, PATIENCE_S * 1.2, silent)
        except (requests.RequestException, MlflowException, OSError, ValueError) as error:
            said = _one_line(error) or type(error).__name__
            hint = f"; {_TLS}" if "SSLError" in str(error) else ""  # MLflow wraps it in its own
            raise self._unreachable(said + hint) from error
        if answer.status_code in (401, 403):
            raise self._unreachable(
                f"it answered {answer.status_code}; see MLFLOW_TRACKING_USERNAME, "
                "MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN"
            )
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
        database = self.location.database
        if database and "database is locked" in str(error):
            found = locked(database)
            return StoreUnreachableError(f"{what}: {found.problem}. Try: {found.advice}")
        code = getattr(error, "error_code", "")
        if code in _ABSENT:
            return NotFoundError(f"{what}: not found at {self.location}: {_one_line(error)}")
        if code in _REFUSED:
            return StoreError(
                f"{what}: the MLflow store at {self.location} refused: {_one_line(error)}"
            )
        return self._unreachable(f"{what}: {_one_line(error)}")

    def _unreachable(self, reason: str) -> StoreUnreachableError:
        fix = (
            "See: blemish doctor"
            if self.location.database
            else "Start it (make ui), or unset MLFLOW_TRACKING_URI to use the embedded store."
        )
        if self.location.is_server and has_unquoted_password(self.location.uri):
            fix = _QUOTING
        shown = hide_password_in(reason, self.location.uri)
        return StoreUnreachableError(
            f"The MLflow store at {self.location} does not answer: {shown}. {fix}"
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
    """Set MLflow's environment before its import: no telemetry and pickles, and short waits.

    The user's own retries and time limit of a request stand: a slow proxy before the artifacts may
    need them. Reading the registry is bounded apart from them.
    """
    os.environ.update(_ENVIRONMENT)
    for name, value in _LIMITS.items():
        os.environ.setdefault(name, value)


def quiet_mlflow() -> None:
    """Leave MLflow's news about its tables unsaid."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _fill(path: Path) -> None:
    """Make MLflow's tables in a new file."""
    from mlflow import MlflowClient  # noqa: PLC0415 - the store has imported MLflow by now

    uri = sqlite_url(path)
    MlflowClient(uri, uri).search_registered_models(max_results=1)


def _one_line(error: Exception) -> str:
    """Return what an error says, without the statement that SQLAlchemy quotes behind it."""
    said = str(error).partition("[SQL:")[0].partition("(Background on this error")[0]
    return " ".join(said.split())[:300]
