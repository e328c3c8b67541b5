"""The database of the prediction log as a file."""

import os
from pathlib import Path

from sqlalchemy import text

from blemish.monitoring.database import open_database


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    """Whoever makes the file first, and with whatever umask, nobody else reads it."""
    before = os.umask(0)
    try:
        engine = open_database(f"sqlite:///{tmp_path / 'predictions.db'}")
        with engine.begin() as connection:
            connection.execute(text("select 1"))
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.db*")}
    finally:
        os.umask(before)
        engine.dispose()
    assert modes.pop("predictions.db") == 0o600
    assert all(mode == 0o600 for name, mode in modes.items() if not name.endswith(".lock"))
