"""A prediction log on SQLite and on PostgreSQL: the same tests on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.postgresql import find_programs, running
from sqlalchemy import Engine, text

from blemish.monitoring.database import open_database


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    if find_programs() is None:
        yield None
        return
    with running(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log' / 'predictions.db'}"
    server: str | None = request.getfixturevalue("server")
    if server is None:
        pytest.skip("PostgreSQL is not installed: sudo apt-get install postgresql")
    engine = open_database(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()
