"""Opens a database of the prediction log by its URL, and brings its tables up to date."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from blemish.config import Settings
from blemish.config.addresses import sqlite_url
from blemish.config.secrets import hide_password
from blemish.errors import ServiceError

_BUSY_MS = 2_000
_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x626C_656D  # any number that is ours: "blem"


def log_url(settings: Settings, state: Path | None = None) -> str:
    """Return where the prediction log lies: by setting, else SQLite in the folder for state."""
    return settings.log_url or sqlite_url((state or settings.state) / "predictions.db")


def images_folder(settings: Settings) -> Path:
    """Return where the logged images lie: by setting, else beside the default log."""
    return settings.log_images or settings.state / "pictures"


def open_database(url: str) -> Engine:
    """Open a database and create or upgrade its tables.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://USER@HOST/NAME``.

    Raises:
        ServiceError: The URL is none, the database does not answer within seconds, or it is
            not ours to upgrade.
    """
    try:
        engine = _engine(_parsed(url))
    except ImportError as error:
        raise ServiceError(f"No driver for {url!r}: {error}. For PostgreSQL: pip install "
                           "'blemish[postgresql]'") from error  # fmt: skip
    except NoSuchModuleError as error:
        raise ServiceError(_no_url(url)) from error
    except OSError as error:
        raise ServiceError(describe(make_url(url), error)) from error
    try:
        _upgrade(engine)
    except (SQLAlchemyError, OSError) as error:
        engine.dispose()
        raise ServiceError(describe(engine.url, error)) from error
    return engine


def file_identity(engine: Engine) -> tuple[int, int] | None:
    """Return device and inode of an SQLite file: another file under its name has others.

    Returns:
        None where the file is gone, and for databases that are no file.
    """
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    try:
        status = Path(engine.url.database).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def describe(url: URL, error: Exception) -> str:
    """Say in one sentence that a database cannot be used, without its password."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return (
        f"The prediction log at {url.render_as_string(hide_password=True)} cannot be used: "
        f"{reason}. Start that database or set BLEMISH_LOG_URL."
    )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ServiceError(_no_url(url)) from error
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _no_url(url: str) -> str:
    return (
        f"{hide_password(url)!r} is no address of a database. Accepted: sqlite:///FILE, "
        "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 2})
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        Path(url.database).touch(mode=0o600)  # SQLite's own file would be readable by others
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Let readers go on while a writer writes, and have a writer wait rather than fail."""
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")


def _upgrade(engine: Engine) -> None:
    """Run the migrations that are missing; one process at a time."""
    # Alembic is slow to import and rarely needed.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with _alone(engine), engine.connect() as connection:
        _lock(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Hold a lock file beside an SQLite file; other databases lock by themselves."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield
        return
    with FileLock(f"{engine.url.database}.lock", timeout=10):
        yield


def _lock(connection: Connection) -> None:
    """Hold PostgreSQL's advisory lock until the migration's transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
