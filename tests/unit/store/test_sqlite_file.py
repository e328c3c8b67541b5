"""Three kinds of a store that does not open: three sentences, and no advice loses history."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import make_url

from blemish.config.addresses import sqlite_path, sqlite_url
from blemish.errors import StoreError
from blemish.store.connection import Store
from blemish.store.location import Location
from blemish.store.sqlite_file import Condition, create, diagnose


def make(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


WHOLE = ("CREATE TABLE runs (id)", "CREATE TABLE registered_models (name)")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return make(tmp_path / "mlflow.db", *WHOLE, "CREATE TABLE logged_models (id)")


def test_a_sound_file_and_none_have_no_problem(whole: Path, tmp_path: Path) -> None:
    """Neither an absent nor an empty nor a complete store is a problem."""
    assert diagnose(whole, 0.1, thorough=True).condition is Condition.SOUND
    (tmp_path / "empty.db").touch()
    for name in ("empty.db", "absent.db"):
        assert diagnose(tmp_path / name, 0.1).condition is Condition.ABSENT


def test_a_locked_store_is_not_told_to_be_moved_away(whole: Path) -> None:
    """A healthy store that another process has locked is to be waited for."""
    other = sqlite3.connect(whole)
    other.execute("BEGIN EXCLUSIVE")
    try:
        found = diagnose(whole, 0.1)
    finally:
        other.close()
    assert found.condition is Condition.LOCKED
    assert "not damaged" in found.problem
    assert "mv" not in found.advice


def test_a_store_whose_creation_was_killed_is_told_apart(tmp_path: Path) -> None:
    """Without the last tables and without a run it is half made; with a run it is an old one."""
    half = make(tmp_path / "half.db", *WHOLE)
    found = diagnose(half, 0.1)
    assert found.condition is Condition.HALF_CREATED
    assert "no run and no version" in found.problem
    old = make(tmp_path / "old.db", *WHOLE, "INSERT INTO runs VALUES (1)")
    found = diagnose(old, 0.1)
    assert found.condition is Condition.OUTDATED
    assert "backup" in found.advice
    assert "mlflow db upgrade" in found.advice


def test_a_damaged_store_is_kept_and_recovered(whole: Path) -> None:
    """The advice keeps the file, and recovers what can be read before anything starts anew."""
    data = bytearray(whole.read_bytes())
    data[4096:8192] = b"x" * 4096
    for damaged in (data, b"X" + whole.read_bytes()[1:]):
        whole.write_bytes(damaged)
        found = diagnose(whole, 0.1, thorough=True)
        assert found.condition is Condition.CORRUPT
        assert ".recover" in found.advice
        assert "rm " not in found.advice


def test_a_file_that_holds_no_database_is_put_aside(tmp_path: Path) -> None:
    """Where there is nothing to recover the advice is not to recover it, but to record anew."""
    foreign = tmp_path / "a folder" / "mlflow.db"
    foreign.parent.mkdir()
    foreign.write_bytes(b"no database" * 500)
    found = diagnose(foreign, 0.1)
    assert found.condition is Condition.CORRUPT
    assert ".recover" not in found.advice
    assert found.advice.startswith(f"mv '{foreign}' '{foreign}'.corrupt && blemish sync")


def test_creation_is_atomic(tmp_path: Path) -> None:
    """A creation that is cut short leaves nothing under the final name; a rival's file is kept."""
    path = tmp_path / "mlflow.db"

    def cut_short(made: Path) -> None:
        make(made, *WHOLE)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(path, cut_short)
    assert list(tmp_path.iterdir()) == []
    create(path, lambda made: make(made, *WHOLE) and None)
    first = path.read_bytes()
    create(path, lambda made: make(made, "CREATE TABLE other (id)") and None)
    assert path.read_bytes() == first


@pytest.mark.parametrize("folder", ["100%", "a%20b", "%(x)s", "what?a=b", "n#1", "plain é"])
def test_a_path_survives_its_address(folder: str) -> None:
    """Characters that an address reads otherwise lead to the same file, for SQLAlchemy and us."""
    path = Path("/srv") / folder / "mlflow.db"
    url = sqlite_url(path)
    assert make_url(url).database == str(path)
    assert sqlite_path(url) == path
    assert Location(url).database == path


def test_an_environment_where_mlflow_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's migrations read their own path as a format: a percent sign in it is told first."""
    monkeypatch.setattr("sys.prefix", "/srv/100%/.venv")
    with pytest.raises(StoreError, match="has a % in its path"):
        Store(Location(sqlite_url(tmp_path / "mlflow.db"))).open()
    assert list(tmp_path.iterdir()) == []
