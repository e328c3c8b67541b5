"""The file of an SQLite store: absent, sound, locked, corrupt, or its creation was cut short."""

import os
import shlex
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from blemish.config.addresses import sqlite_url

_SCHEMA_BYTES = 4_000_000
"""Bytes of the start of a file, where SQLite keeps what defines the tables of a new store."""
_LATE_TABLE = "logged_models"
"""A table that MLflow adds in one of the last steps of creating a store."""


class Condition(Enum):
    """What a store's file is like."""

    ABSENT = auto()
    SOUND = auto()
    LOCKED = auto()
    CORRUPT = auto()
    HALF_CREATED = auto()
    OUTDATED = auto()


@dataclass(frozen=True)
class Diagnosis:
    """The condition of a store's file.

    Attributes:
        condition: What it is like.
        problem: A sentence on what is wrong; empty for a sound or absent file.
        advice: The command that helps and loses no history.
    """

    condition: Condition
    problem: str = ""
    advice: str = ""


def diagnose(path: Path, patience: float, *, thorough: bool = False) -> Diagnosis:
    """Look at a store's file without changing it.

    Args:
        path: The file.
        patience: Seconds to wait for another process that has locked it.
        thorough: Have SQLite check every page.
    """
    if not path.exists() or path.stat().st_size == 0:
        return Diagnosis(Condition.ABSENT)
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=patience)
        try:
            return _look(connection, path, thorough=thorough)
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            return locked(path)
        return _corrupt(path, str(error))
    except sqlite3.DatabaseError as error:
        return _corrupt(path, str(error))


def locked(path: Path) -> Diagnosis:
    """Return the diagnosis of a file that another process has locked."""
    return Diagnosis(
        Condition.LOCKED,
        f"{path} is locked by another process; it is not damaged",
        f"fuser -v {path}   # wait for that process, or end it",
    )


def create(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a store's file under another name, and give it its own when it is complete.

    A file that another process made meanwhile is kept.

    Args:
        path: The file.
        fill: Makes the store at the path that it is given.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        made = Path(folder) / path.name
        fill(made)
        with made.open("rb+") as stream:
            os.fsync(stream.fileno())
        if path.exists() and path.stat().st_size == 0:
            made.replace(path)
            return
        try:
            os.link(made, path)
        except FileExistsError:
            return


def _look(connection: sqlite3.Connection, path: Path, *, thorough: bool) -> Diagnosis:
    name = shlex.quote(str(path))
    tables = {
        str(table)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0] if thorough else "ok"
    if said != "ok":
        return _corrupt(path, str(said))
    if _LATE_TABLE in tables:
        return Diagnosis(Condition.SOUND)
    rows = sum(
        int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - fixed names
        for table in ("runs", "registered_models")
        if table in tables
    )
    if rows:
        return Diagnosis(
            Condition.OUTDATED,
            f"{path} was made by an older MLflow",
            f"cp {name} {name}.backup && mlflow db upgrade {shlex.quote(sqlite_url(path))}",
        )
    return Diagnosis(
        Condition.HALF_CREATED,
        f"{path} is a store whose creation was ended half way; it holds no run and no version",
        f"mv {name} {name}.half-created && blemish sync",
    )


def _corrupt(path: Path, detail: str) -> Diagnosis:
    """Advise on a file that SQLite cannot read, by whether it holds anything of a database."""
    name = shlex.quote(str(path))
    aside = f"mv {name} {name}.corrupt"
    with path.open("rb") as stream:
        has_tables = b"CREATE TABLE" in stream.read(_SCHEMA_BYTES)
    if has_tables:
        return Diagnosis(
            Condition.CORRUPT,
            f"{path} is corrupt: {detail}",
            f"{aside} && sqlite3 {name}.corrupt .recover | sqlite3 {name}"
            "   # or restore a backup; without either: blemish sync",
        )
    return Diagnosis(
        Condition.CORRUPT,
        f"{path} is corrupt: {detail}, and nothing in it can be recovered",
        f"{aside} && blemish sync   # or restore a backup in its place, which keeps the history",
    )
