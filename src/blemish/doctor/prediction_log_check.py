"""The check of the prediction log: can it be used, is it whole, was anything lost lately."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from blemish.config import settings
from blemish.config.addresses import sqlite_path
from blemish.doctor.findings import Examined, Finding
from blemish.errors import ServiceError
from blemish.monitoring import queries
from blemish.monitoring.database import log_url, open_database

_LATELY = timedelta(days=1)


def prediction_log(examined: Examined) -> Iterator[Finding]:
    """Check the database that the settings name; one that nobody made yet has nothing wrong."""
    url = log_url(settings(), examined.workspace.state if examined.workspace else None)
    path = sqlite_path(url)
    if path and not path.is_file():
        return
    damage = _damage(path) if path else ""
    if damage:
        yield Finding(
            f"The prediction log {path} is corrupt: {damage}",
            f"stop the server, keep the file, and let it make a new one: mv {path} {path}.corrupt",
        )
        return
    yield from _find_lost(url)


def _find_lost(url: str) -> Iterator[Finding]:
    """Look for predictions that were answered but not logged."""
    try:
        engine = open_database(url)
    except ServiceError as error:
        yield Finding(str(error), "start that database, or set BLEMISH_LOG_URL")
        return
    try:
        lost = queries.lost(engine, queries.span_until(datetime.now(UTC), _LATELY))
    except SQLAlchemyError as error:
        yield Finding(
            f"The prediction log cannot be read: {error.__cause__ or error}", "blemish log"
        )
        return
    finally:
        engine.dispose()
    if lost:
        yield Finding(
            f"{lost:,} predictions of the last day were answered but not logged",
            "see why in the server's own log and in /readyz: blemish serve",
        )


def _damage(path: Path) -> str:
    """Return what SQLite says of a file; empty where it is whole."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)
